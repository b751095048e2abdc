// Explanations as pictures: the SLALOM plane of values and importances, bars of additive weights, and the
// highlighted text.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "slalom/report/reported_text.hpp"
#include "slalom/report/svg.hpp"

namespace slalom {

struct Dot {
  Point at;
  double radius = 0;
};
struct PlacedLabel {
  Box box;
  Point dot_end, box_end;  // of the leader line; drawn if `leader`
  bool leader = false;
};

/// A place inside `area` for a label of each dot (n), widths (n) in px, in that order: the first one of a
/// fixed list, near places first, where neither its box nor its leader line touches a dot, another label or
/// another line. Nothing where there is none. O(n²).
std::vector<std::optional<PlacedLabel>> place_labels(const std::vector<Dot>& dots,
                                                     const std::vector<double>& widths, double height,
                                                     const Box& area);

/// Value on x and importance on y: a dot for each distinct token, as large as it is frequent, in the colour
/// of its part; labels never overlap, tokens without one are listed below. Other explanations: bars of the
/// ranking's column, with standard errors where there are any. Throws Error if the explanation has no score.
Drawing draw_explanation(const ReportedText& text, const ReportedExplanation& explanation);

/// Method, target and fidelity from the top; returns where they end.
double draw_heading(Drawing& drawing, const ReportedText& text, const ReportedExplanation& explanation);

/// The explanation as a file of its own, with its heading.
std::string plane_svg(const ReportedText& text, const ReportedExplanation& explanation);

/// The running text, each token on the colour of its score, the strongest underlined with their scores below,
/// and the scale. A file of its own.
std::string highlight_svg(const ReportedText& text, const ReportedExplanation& explanation);

}  // namespace slalom
