// SVG drawings: elements that are written in order, and axes.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

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
inline constexpr int kCurveColours = 8, kCurveDashes = 3;

/// Elements have a class each, which the style below knows: "for" and "against" (the two sides of a score),
/// "axis", "grid", "zero", "leader", "note", "label", "run", "number", "title", "c0" … and "d0" … (coloured
/// and dashed curves), "m0" … (their marks). Contents may be any bytes: they are escaped here.
class Drawing {
 public:
  explicit Drawing(double width) : width_(width) {}

  void line(Point from, Point to, std::string_view kind);
  void polyline(const std::vector<Point>& points, std::string_view kind, bool closed = false);
  void rectangle(const Box& box, std::string_view kind, double opacity = 1);
  /// `title` is shown when the pointer rests on it.
  void circle(Point centre, double radius, std::string_view kind, double opacity = 1,
              std::string_view title = {});
  /// The baseline's start, middle or end is at `at`; `upwards` turns it.
  void text(Point at, std::string_view content, std::string_view kind = "", Anchor anchor = Anchor::start,
            bool upwards = false);
  /// Wrapped lines of kSmallFontSize below `top`; returns where they end.
  double note(const std::string& content, double left, double top, double right);
  /// Adds another drawing's elements, moved down.
  void append(const Drawing& other, double down);
  void grow_to(double height) { height_ = std::max(height_, height); }

  double width() const { return width_; }
  double height() const { return height_; }

  /// A file of its own: fonts by name, dark on white.
  std::string document(std::string_view title) const;
  /// A figure of an HTML page that has picture_style().
  std::string inline_figure(std::string_view label) const;

 private:
  using Attribute = std::pair<const char*, double>;  // name, pixels
  void add(const char* tag, std::string_view kind, const std::vector<Attribute>& attributes,
           const std::string& more = "", const std::string& content = "");
  std::string svg(const std::string& attributes, const std::string& head) const;

  double width_, height_ = 0;
  std::string elements_;
};

/// Width of visible text in the monospaced font of the classes "label" and "run", and about that in others.
double text_width(std::string_view visible_text, double size);

/// CSS rules of the classes, for elements inside an svg.
std::string picture_style();

/// Opacity that stands for the strength of a score, |shade| in [0, 1].
double shade_opacity(double shade);
/// "for", "against".
std::string_view side(double score);

/// An axis between the pixels `from` and `to`. Numbers beyond ±1e15 are placed there.
class Axis {
 public:
  enum class Scale {
    linear,
    spread,      // linear, but asinh(x / unit) where a few numbers lie far from the others
    logarithmic  // of positive numbers; others have no place
  };
  /// Contains all numbers that have a place, with some room on both sides.
  Axis(const std::vector<double>& numbers, double from, double to, Scale scale);

  double place(double x) const;
  bool has_place(double x) const;
  bool bent() const { return unit_ > 0; }
  bool contains(double x) const { return has_place(x) && low_ <= scaled(x) && scaled(x) <= high_; }
  /// Round numbers at least `spacing` pixels apart; on a linear axis at least `step` apart, too.
  std::vector<double> ticks(double spacing, double step = 0) const;
  /// From `low` to `high` exactly.
  void set_range(double low, double high);

 private:
  double scaled(double x) const;
  double from_, to_;
  double unit_ = 0;  // of asinh; 0: none
  bool logarithmic_ = false;
  double low_ = 0, high_ = 0;  // scaled
};

/// Grid, ticks and names of both axes around `area`; ticks at least so far apart.
void draw_axes(Drawing& drawing, const Axis& x, const Axis& y, const Box& area, std::string_view x_name,
               std::string_view y_name, double x_step = 0);

}  // namespace slalom
