// Texts and tokens as views can show them: harmless, escaped, and with known widths.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "slalom/base/index.hpp"

namespace slalom {

/// Any bytes as UTF-8 that can be printed anywhere. What is not UTF-8 becomes U+FFFD, line ends and tabs
/// become ↵ and ⇥, and characters that control a terminal, are invisible or change the direction of what
/// follows become their number, "[U+001B]"; the joiners that scripts and emoji need stay. With `keep_lines`
/// line ends stay (as \n) and tabs become spaces.
std::string visible(std::string_view bytes, bool keep_lines = false);

/// visible(), with & < > " ' as XML entities: fit for contents and attributes of XML and HTML.
std::string escaped(std::string_view bytes, bool keep_lines = false);

/// Columns that visible text takes in a terminal or a monospaced font: 2 for wide characters, 0 for combining
/// ones.
Index terminal_columns(std::string_view visible_text);

/// Visible text of at most so many columns, "…" being the last if some were cut.
std::string shortened(const std::string& visible_text, Index columns);

/// The code points of UTF-8, and back.
std::u32string code_points(std::string_view utf8);
std::string utf8_of(std::u32string_view text);

/// Begin and end of lines of at most so many columns, broken at spaces where there are any. The space at
/// which a line is broken goes, as do spaces at the end of a line; a line end stays one.
std::vector<std::pair<std::size_t, std::size_t>> lines_of(std::u32string_view visible_text, Index columns);

}  // namespace slalom
