// An explained text for a terminal of 256 colours, or for a plain file.
#pragma once

#include <string>

#include "slalom/report/reported_text.hpp"

namespace slalom {

struct TerminalStyle {
  bool colour = true;  // without it numbers and signs alone say what colours would
  Index width = 80;    // columns; at least 40 are used
  bool show_special = false;
  Index top = 10;  // rows of the table
};

/// For each explanation the running text, shaded orange for the target and blue against it, the strongest
/// tokens underlined and followed by their score; a table of them; fidelity in words, cost and warnings.
/// No line is wider than `width`, except for a table of a single column of scores and words that cannot be
/// broken. Nothing in the text can move the cursor or change colours.
std::string terminal_view(const ReportedText& text, const TerminalStyle& style = {});

}  // namespace slalom
