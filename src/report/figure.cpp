#include "slalom/report/figure.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "slalom/base/error.hpp"
#include "slalom/report/visible_text.hpp"

namespace slalom {

namespace {

constexpr double kPanelWidth = 420, kPanelHeight = 320, kTitleHeight = 30, kHeadingHeight = 20;
constexpr double kLeft = 66, kRight = 20, kTop = 12, kBottom = 46;  // from a panel's edge to its axes
constexpr double kLegendRow = 20, kSample = 30, kLegendGap = 30;

bool is_dashed(const Curve& curve) {
  return curve.style == Curve::Style::dashed;
}

/// What curves of a label look like in all panels: the number among those of their kind, dashed or coloured.
struct Look {
  const Curve* curve;
  int number;
};

const Look* find(const std::vector<Look>& looks, const Curve& curve) {
  const auto found = std::ranges::find_if(looks, [&](const Look& look) {
    return look.curve->label == curve.label && is_dashed(*look.curve) == is_dashed(curve);
  });
  return found == looks.end() ? nullptr : &*found;
}

/// One look a label, in the order of first appearance.
std::vector<Look> looks_of(const Figure& figure) {
  std::vector<Look> looks;
  int coloured = 0, dashed = 0;
  for (const Panel& panel : figure.panels)
    for (const Curve& curve : panel.curves)
      if (find(looks, curve) == nullptr) looks.push_back({&curve, is_dashed(curve) ? dashed++ : coloured++});
  return looks;
}

/// Shapes tell curves apart in grey print: a circle, then polygons.
void draw_mark(Drawing& drawing, Point at, int number) {
  struct Shape {
    int corners;
    double turn;  // of the first corner, in circles
  };
  constexpr Shape kShapes[] = {{0, 0}, {4, 0.125}, {3, 0.75}, {3, 0.25},
                               {4, 0}, {5, 0.75},  {6, 0},    {5, 0.25}};
  const Shape& shape = kShapes[number % kCurveColours];
  const std::string kind = concat("m", number % kCurveColours);
  if (shape.corners == 0) return drawing.circle(at, 3, kind);
  std::vector<Point> corners;
  for (int i = 0; i < shape.corners; ++i) {
    const double angle = 2 * std::numbers::pi * (shape.turn + static_cast<double>(i) / shape.corners);
    corners.push_back({at.x + 4 * std::cos(angle), at.y + 4 * std::sin(angle)});
  }
  drawing.polyline(corners, kind, true);
}

/// The curve's line through points that follow each other, if it has one.
void draw_line(Drawing& drawing, const std::vector<Point>& points, const Curve& curve, int number) {
  if (points.size() < 2 || curve.style == Curve::Style::points) return;
  drawing.polyline(
      points, is_dashed(curve) ? concat("d", number % kCurveDashes) : concat("c", number % kCurveColours));
}

bool has_marks(const Curve& curve) {
  return curve.style == Curve::Style::points || curve.style == Curve::Style::line_points;
}

void draw_curve(Drawing& drawing, const Curve& curve, int number, const Axis& x, const Axis& y) {
  if (curve.x.size() != curve.y.size())
    throw Error(concat("[figure] curve \"", curve.label, "\": ", curve.x.size(), " x values, ",
                       curve.y.size(), " y values"));
  std::vector<Point> points;
  for (std::size_t i = 0; i < curve.x.size(); ++i) {
    if (x.contains(curve.x[i]) && y.contains(curve.y[i])) {
      points.push_back({x.place(curve.x[i]), y.place(curve.y[i])});
      if (has_marks(curve)) draw_mark(drawing, points.back(), number);
    } else {
      draw_line(drawing, points, curve, number);
      points.clear();
    }
  }
  draw_line(drawing, points, curve, number);
}

void draw_panel(Drawing& drawing, const Panel& panel, const std::vector<Look>& looks, const Box& box) {
  const Box area{box.left + kLeft, box.top + kTop + (panel.title.empty() ? 0 : kHeadingHeight),
                 box.right - kRight, box.bottom - kBottom};
  std::vector<double> all_x, all_y;
  for (const Curve& curve : panel.curves) {
    all_x.insert(all_x.end(), curve.x.begin(), curve.x.end());
    all_y.insert(all_y.end(), curve.y.begin(), curve.y.end());
  }
  Axis x(all_x, area.left, area.right, panel.log_x ? Axis::Scale::logarithmic : Axis::Scale::linear);
  Axis y(all_y, area.bottom, area.top, Axis::Scale::linear);
  if (panel.x_range) x.set_range(panel.x_range->first, panel.x_range->second);
  if (panel.y_range) y.set_range(panel.y_range->first, panel.y_range->second);
  drawing.text({(area.left + area.right) / 2, box.top + kTop + 6}, panel.title, "", Anchor::middle);
  draw_axes(drawing, x, y, area, panel.x_label, panel.y_label, panel.x_tick);
  for (const Curve& curve : panel.curves) draw_curve(drawing, curve, find(looks, curve)->number, x, y);
}

void draw_legend(Drawing& drawing, const std::vector<Look>& looks, double top) {
  double widest = 0;
  for (const Look& look : looks) widest = std::max(widest, text_width(look.curve->label, kFontSize));
  const double width = kSample + 8 + widest + kLegendGap;
  const Index entries = std::ssize(looks),
              fitting = std::max<Index>(1, static_cast<Index>((drawing.width() + kLegendGap) / width)),
              rows = ceil_div(entries, fitting), columns = ceil_div(entries, std::max<Index>(rows, 1));
  const double left = (drawing.width() + kLegendGap - static_cast<double>(columns) * width) / 2;
  for (Index i = 0; i < entries; ++i) {
    const Look& look = looks[static_cast<std::size_t>(i)];
    const double x = left + static_cast<double>(i % columns) * width,
                 y = top + (static_cast<double>(i / columns) + 0.5) * kLegendRow;
    draw_line(drawing, {{x, y}, {x + kSample, y}}, *look.curve, look.number);
    if (has_marks(*look.curve)) draw_mark(drawing, {x + kSample / 2, y}, look.number);
    drawing.text({x + kSample + 8, y + 4}, look.curve->label);
  }
  drawing.grow_to(top + static_cast<double>(rows) * kLegendRow + 8);
}

}  // namespace

Drawing draw(const Figure& figure) {
  if (figure.columns < 1) throw Error(concat("[figure] ", figure.columns, " columns, wanted at least one"));
  const std::vector<Look> looks = looks_of(figure);
  Drawing drawing(figure.columns * kPanelWidth);
  const double top = figure.title.empty() ? 0 : kTitleHeight;
  drawing.text({drawing.width() / 2, 22}, figure.title, "title", Anchor::middle);
  int number = 0;
  for (const Panel& panel : figure.panels) {
    const double left = number % figure.columns * kPanelWidth,
                 above = top + number / figure.columns * kPanelHeight;
    draw_panel(drawing, panel, looks, {left, above, left + kPanelWidth, above + kPanelHeight});
    ++number;
  }
  draw_legend(drawing, looks, drawing.height() + 4);
  return drawing;
}

}  // namespace slalom
