// Characters of texts and tokens as views can show them: harmless, escaped, and with known widths.
#pragma once

#include <string>
#include <string_view>

#include "slalom/base/index.hpp"

namespace slalom {

/// Any bytes as UTF-8 that can be printed anywhere. What is not UTF-8 becomes U+FFFD, line ends and tabs
/// become ↵ and ⇥, and characters that control a terminal, are invisible or change the direction of what
/// follows become their number, "[U+001B]"; the joiners that scripts and emoji need stay. With `keep_lines`
/// line ends stay (as \n) and tabs become spaces.
std::string visible(std::string_view bytes, bool keep_lines = false);

/// visible(), with & < > " ' as XML entities: fit for contents and attributes of XML and HTML.
std::string escaped(std::string_view bytes, bool keep_lines = false);

/// Columns of a terminal that visible text takes: 2 for wide characters, 0 for combining ones.
Index terminal_columns(std::string_view visible_text);
Index terminal_columns(char32_t character);

/// Width of visible text in DejaVu Sans of `size` pixels: exact for ASCII, not too little for nearly all
/// others.
double text_width(std::string_view visible_text, double size);

/// Visible text of at most `characters` code points, "…" being the last if some were cut.
std::string shortened(const std::string& visible_text, Index characters);

/// The code points of valid UTF-8.
std::u32string code_points(std::string_view utf8);
void append_utf8(std::string& to, char32_t character);

}  // namespace slalom
