// SVG drawings: elements that are written in order, axes, and curves.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "slalom/report/reported_text.hpp"

namespace slalom {

/// Pixels; y grows downwards.
struct Point {
  double x = 0, y = 0;
};
struct Box {
  double left = 0, top = 0, right = 0, bottom = 0;

  double width() const { return right - left; }
  double height() const { return bottom - top; }
  bool overlaps(const Box& other) const {
    return left < other.right && other.left < right && top < other.bottom && other.top < bottom;
  }
  bool contains(const Box& other) const {
    return left <= other.left && other.right <= right && top <= other.top && other.bottom <= bottom;
  }
};

enum class Anchor { start, middle, end };

inline constexpr double kFontSize = 12, kSmallFontSize = 11;  // px, of the classes "" and "note"

/// Elements have a class each, whose colours the style of the document or of the page gives: "for" and
/// "against" (the two sides of a score), "axis", "grid", "zero", "leader", "note", "strong", "mark".
/// Contents may be any bytes: they are escaped here.
class Drawing {
 public:
  explicit Drawing(double width) : width_(width) {}

  void line(Point from, Point to, std::string_view kind);
  void polyline(const std::vector<Point>& points, std::string_view kind);
  void rectangle(const Box& box, std::string_view kind, double opacity = 1);
  /// `title` is shown when the pointer rests on it.
  void circle(Point centre, double radius, std::string_view kind, double opacity, std::string_view title);
  /// The baseline's start, middle or end is at `at`.
  void text(Point at, std::string_view content, std::string_view kind = "", Anchor anchor = Anchor::start);
  /// The same, fitted to `width` whatever the font; text beyond ASCII, whose width is a guess, is not.
  void fitted_text(Point at, std::string_view content, std::string_view kind, double width);
  /// Wrapped lines of kSmallFontSize below `top`; returns where they end.
  double note(const std::string& content, double left, double top, double right);
  /// Upwards, centred at `at`.
  void vertical_text(Point at, std::string_view content);
  /// Adds another drawing's elements, moved down.
  void append(const Drawing& other, double down);
  void grow_to(double height) { height_ = std::max(height_, height); }

  double width() const { return width_; }
  double height() const { return height_; }

  /// A file of its own: fonts by name, dark on white.
  std::string document(std::string_view title) const;
  /// A figure of an HTML page, whose style gives fonts and colours.
  std::string inline_figure(std::string_view label) const;

 private:
  double width_, height_ = 0;
  std::string elements_;
};

/// Words of visible text in lines of at most `width` pixels; words that are wider are cut.
std::vector<std::string> wrapped(const std::string& visible_text, double width, double size);

/// Opacity that stands for the strength of a score, |shade| in [0, 1].
double shade_opacity(double shade);
/// "for", "against".
std::string_view side(double score);

/// An axis between the pixels `from` and `to`. Numbers that are spread over very different sizes are placed
/// by asinh(x / unit), which is linear near 0 and logarithmic far from it. Numbers beyond ±1e15 are placed
/// there.
class Axis {
 public:
  /// Contains all finite numbers, with some room on both sides.
  Axis(const std::vector<double>& numbers, double from, double to, bool may_bend);
  /// From `low` to `high` exactly.
  Axis(double low, double high, double from, double to);

  double place(double x) const;
  bool bent() const { return unit_ > 0; }
  bool contains(double x) const { return low_ <= x && x <= high_; }
  /// Round numbers at least `spacing` pixels apart.
  std::vector<double> ticks(double spacing) const;

 private:
  double scaled(double x) const;
  double low_, high_, from_, to_;
  double unit_ = 0;  // 0: linear
};

/// Grid, ticks and names of both axes around `area`.
void draw_axes(Drawing& drawing, const Axis& x, const Axis& y, const Box& area, std::string_view x_name,
               std::string_view y_name);

struct NamedCurve {
  std::string name;
  std::vector<double> x, y;
  bool dashed = false;
};
/// Curves with a mark at every point (of a square where dashed), and their names. y begins at 0, and ends at
/// 1 for probabilities.
Drawing draw_curves(const std::vector<NamedCurve>& curves, std::string_view x_name, std::string_view y_name,
                    bool probabilities);

}  // namespace slalom
