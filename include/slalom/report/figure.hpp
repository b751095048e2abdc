// Figures of curves and points in one or several panels.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "slalom/report/svg.hpp"

namespace slalom {

/// A curve of n points; a point that is not finite, not positive on a logarithmic axis or outside of the
/// panel's ranges is a gap. `dashed` is for references: it is black and takes no colour from the palette.
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
  double x_tick = 0;  // least distance of the ticks
};

/// Panels from left to right, `columns` in a row. A label has the same colour in all panels; below them is
/// one legend.
struct Figure {
  std::string title;
  std::vector<Panel> panels;
  int columns = 1;
};

/// The same figure gives the same bytes. Throws Error without columns, if lengths of x and y differ, or if a
/// range is empty.
Drawing draw(const Figure& figure);

}  // namespace slalom
