// Line figures, drawn by gnuplot as SVG and PNG.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace slalom {

/// A curve of n points; a point that is not finite is a gap. `dashed` is for references: it is black and
/// takes no colour from the palette.
struct Curve {
  enum class Style { line, points, line_points, dashed };
  std::string label;
  std::vector<double> x /*(n)*/, y /*(n)*/;
  Style style = Style::line;
};

struct Panel {
  std::string title, x_label, y_label;
  std::vector<Curve> curves;
  std::optional<std::pair<double, double>> y_range;
  bool log_x = false;
  std::optional<std::pair<double, double>> x_range{};
  double x_tick = 0;  // distance of the ticks, 0: as suits the range
};

/// Panels from left to right, `columns` in a row. A label has the same colour in all panels.
struct Figure {
  std::string title;
  std::vector<Panel> panels;
  int columns = 1;
};

/// Writes stem.svg and stem.png, creating folders as needed; the same figure gives the same bytes. All texts
/// are drawn as they are, without markup. Throws Error if the figure has nothing to draw, lengths of x and y
/// differ, a range is empty, a logarithmic x is not positive, gnuplot is missing or fails (with its message),
/// or a file cannot be written.
void draw(const Figure& figure, const std::string& stem);

}  // namespace slalom
