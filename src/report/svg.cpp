#include "slalom/report/svg.hpp"

#include <algorithm>
#include <cmath>

#include "slalom/base/error.hpp"
#include "slalom/base/numbers.hpp"
#include "slalom/report/characters.hpp"
#include "slalom/report/wording.hpp"

namespace slalom {

namespace {

const char* const kStyle =
    "text{font:12px 'DejaVu Sans',Verdana,sans-serif;fill:#1a1a1a}"
    ".note{font-size:11px;fill:#555}.run{font-size:15px}.label{font-size:11px}.title{font-size:15px;font-"
    "weight:bold}"
    ".for{fill:#e07410;stroke:none}.against{fill:#2f78c8;stroke:none}"
    ".dot{stroke:#fff;stroke-width:1}.mark{fill:none;stroke:#1a1a1a;stroke-width:1.5}"
    "line,polyline{fill:none;stroke:#1a1a1a;stroke-width:1.5}"
    ".axis{stroke:#555;stroke-width:1}.grid{stroke:#e4e4e4;stroke-width:1}"
    ".zero{stroke:#777;stroke-width:1;stroke-dasharray:4 3}.leader{stroke:#999;stroke-width:.7}"
    ".dashed{stroke-dasharray:5 4}.strong{stroke-width:2}.weak{stroke-width:2;stroke-dasharray:2 2}";

std::string px(double x) {
  std::string digits = fixed(x, 1);
  if (digits.ends_with(".0")) digits.resize(digits.size() - 2);
  return digits == "-0" ? "0" : digits;
}

std::string kind_of(std::string_view kind) {
  return kind.empty() ? std::string() : concat(" class=\"", kind, "\"");
}

std::string anchor_of(Anchor anchor) {
  if (anchor == Anchor::start) return {};
  return anchor == Anchor::middle ? " text-anchor=\"middle\"" : " text-anchor=\"end\"";
}

}  // namespace

void Drawing::line(Point from, Point to, std::string_view kind) {
  elements_ += slalom::concat("<line", kind_of(kind), " x1=\"", px(from.x), "\" y1=\"", px(from.y),
                              "\" x2=\"", px(to.x), "\" y2=\"", px(to.y), "\"/>\n");
}

void Drawing::polyline(const std::vector<Point>& points, std::string_view kind) {
  std::string list;
  for (const Point& p : points) list += slalom::concat(list.empty() ? "" : " ", px(p.x), ",", px(p.y));
  elements_ += slalom::concat("<polyline", kind_of(kind), " points=\"", list, "\"/>\n");
}

void Drawing::rectangle(const Box& box, std::string_view kind, double opacity) {
  elements_ +=
      slalom::concat("<rect", kind_of(kind), " x=\"", px(box.left), "\" y=\"", px(box.top), "\" width=\"",
                     px(box.width()), "\" height=\"", px(box.height()), "\" rx=\"2\"",
                     opacity < 1 ? slalom::concat(" fill-opacity=\"", fixed(opacity, 2), "\"") : "", "/>\n");
}

void Drawing::circle(Point centre, double radius, std::string_view kind, double opacity,
                     std::string_view title) {
  elements_ += slalom::concat(
      "<circle", kind_of(kind), " cx=\"", px(centre.x), "\" cy=\"", px(centre.y), "\" r=\"", px(radius), "\"",
      opacity < 1 ? slalom::concat(" fill-opacity=\"", fixed(opacity, 2), "\"") : "",
      title.empty() ? "/>\n" : slalom::concat("><title>", escaped(title), "</title></circle>\n"));
}

void Drawing::text(Point at, std::string_view content, std::string_view kind, Anchor anchor) {
  elements_ += slalom::concat("<text", kind_of(kind), anchor_of(anchor), " x=\"", px(at.x), "\" y=\"",
                              px(at.y), "\">", escaped(content), "</text>\n");
}

void Drawing::fitted_text(Point at, std::string_view content, std::string_view kind, double width) {
  const bool exact = std::ranges::all_of(content, [](char c) { return c >= ' ' && c <= '~'; });
  if (!exact) return text(at, content, kind);
  elements_ +=
      slalom::concat("<text", kind_of(kind), " x=\"", px(at.x), "\" y=\"", px(at.y), "\" textLength=\"",
                     px(width), "\" lengthAdjust=\"spacingAndGlyphs\">", escaped(content), "</text>\n");
}

double Drawing::note(const std::string& content, double left, double top, double right) {
  for (const std::string& line : wrapped(visible(content), right - left, kSmallFontSize)) {
    top += 1.4 * kSmallFontSize;
    text({left, top}, line, "note");
  }
  grow_to(top + 6);
  return top;
}

void Drawing::vertical_text(Point at, std::string_view content) {
  elements_ += slalom::concat("<text text-anchor=\"middle\" transform=\"translate(", px(at.x), " ", px(at.y),
                              ") rotate(-90)\">", escaped(content), "</text>\n");
}

void Drawing::append(const Drawing& other, double down) {
  elements_ += slalom::concat("<g transform=\"translate(0 ", px(down), ")\">\n", other.elements_, "</g>\n");
  grow_to(down + other.height_);
}

std::string Drawing::document(std::string_view title) const {
  return slalom::concat(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"",
      px(width_), "\" height=\"", px(height_), "\" viewBox=\"0 0 ", px(width_), " ", px(height_),
      "\">\n<title>", escaped(title), "</title>\n<style>", kStyle,
      "</style>\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n", elements_, "</svg>\n");
}

std::string Drawing::inline_figure(std::string_view label) const {
  return slalom::concat("<svg role=\"img\" aria-label=\"", escaped(label), "\" width=\"", px(width_),
                        "\" height=\"", px(height_), "\" viewBox=\"0 0 ", px(width_), " ", px(height_),
                        "\">\n", elements_, "</svg>\n");
}

std::vector<std::string> wrapped(const std::string& visible_text, double width, double size) {
  std::vector<std::string> lines;
  std::string line;
  for (std::size_t begin = 0; begin <= visible_text.size();) {
    std::size_t end = visible_text.find(' ', begin);
    if (end == std::string::npos) end = visible_text.size();
    std::string word = visible_text.substr(begin, end - begin);
    while (text_width(word, size) > width && code_points(word).size() > 1)
      word = shortened(word, std::ssize(code_points(word)) - 1);
    if (!line.empty() && text_width(line, size) + text_width(word, size) + text_width(" ", size) > width) {
      lines.push_back(line);
      line.clear();
    }
    if (!line.empty()) line += ' ';
    line += word;
    begin = end + 1;
  }
  if (!line.empty()) lines.push_back(line);
  return lines;
}

double shade_opacity(double shade) {
  const double size = std::min(1.0, std::abs(shade));
  return size < 0.02 ? 0 : 0.06 + 0.74 * size;
}

std::string_view side(double score) {
  return score >= 0 ? "for" : "against";
}

namespace {

constexpr double kFarthest = 1e15, kFinestBend = 1e-9;  // the latter of the largest number

double bounded(double x) {
  return std::clamp(x, -kFarthest, kFarthest);
}

// The size of all but the largest fifth, if the largest are far beyond it.
double bend_unit(const std::vector<double>& numbers) {
  std::vector<double> sizes;
  for (const double x : numbers)
    if (std::isfinite(x)) sizes.push_back(std::abs(bounded(x)));
  if (sizes.empty()) return 0;
  std::ranges::sort(sizes);
  const double most = sizes[(sizes.size() - 1) * 4 / 5];
  return most > 0 && sizes.back() > 8 * most ? std::max(most, kFinestBend * sizes.back()) : 0;
}

}  // namespace

Axis::Axis(const std::vector<double>& numbers, double from, double to, bool may_bend)
    : low_(INFINITY), high_(-INFINITY), from_(from), to_(to), unit_(may_bend ? bend_unit(numbers) : 0) {
  for (const double x : numbers) {
    if (!std::isfinite(x)) continue;
    low_ = std::min(low_, scaled(bounded(x)));
    high_ = std::max(high_, scaled(bounded(x)));
  }
  if (low_ > high_) low_ = high_ = 0;
  // Numbers that differ by rounding alone are one number: no double lies between them for a tick.
  const double size = std::max(std::abs(low_), std::abs(high_)), range = high_ - low_;
  const double room = range > 1e-12 * size ? 0.08 * range : std::max(1.0, 0.08 * size);
  const auto unscaled = [&](double y) { return unit_ > 0 ? unit_ * std::sinh(y) : y; };
  low_ = unscaled(low_ - room);
  high_ = unscaled(high_ + room);
}

Axis::Axis(double low, double high, double from, double to) : low_(low), high_(high), from_(from), to_(to) {
  if (!(low < high)) throw Error(concat("[svg] an axis from ", low, " to ", high, ", wanted low < high"));
}

double Axis::scaled(double x) const {
  return unit_ > 0 ? std::asinh(x / unit_) : x;
}

double Axis::place(double x) const {
  return from_ + (to_ - from_) * (scaled(bounded(x)) - scaled(low_)) / (scaled(high_) - scaled(low_));
}

std::vector<double> Axis::ticks(double spacing) const {
  std::vector<double> out;
  if (unit_ == 0) {
    const double least = spacing * (high_ - low_) / std::abs(to_ - from_);
    const double decade = std::pow(10, std::floor(std::log10(least)));
    const double step = decade * (least <= decade       ? 1
                                  : least <= 2 * decade ? 2
                                  : least <= 5 * decade ? 5
                                                        : 10);
    for (double n = std::ceil(low_ / step - 1e-9); n * step <= high_ + 1e-9 * step; ++n)
      out.push_back(n * step + 0.0);
    return out;
  }
  const auto offer = [&](double x) {
    const bool free =
        std::ranges::all_of(out, [&](double y) { return std::abs(place(x) - place(y)) >= spacing; });
    if (contains(x) && free) out.push_back(x);
  };
  offer(0);
  const int top = static_cast<int>(std::ceil(std::log10(std::max(std::abs(low_), std::abs(high_)))));
  for (const double digit : {1.0, 5.0, 2.0})
    for (int power = top; power >= top - 8; --power)
      for (const double sign : {1.0, -1.0}) offer(sign * digit * std::pow(10, power));
  std::ranges::sort(out);
  return out;
}

void draw_axes(Drawing& drawing, const Axis& x, const Axis& y, const Box& area, std::string_view x_name,
               std::string_view y_name) {
  for (const double tick : x.ticks(55)) {
    const double at = x.place(tick);
    drawing.line({at, area.top}, {at, area.bottom}, "grid");
    drawing.text({at, area.bottom + 16}, plain_number(tick), "note", Anchor::middle);
  }
  for (const double tick : y.ticks(34)) {
    const double at = y.place(tick);
    drawing.line({area.left, at}, {area.right, at}, "grid");
    drawing.text({area.left - 6, at + 4}, plain_number(tick), "note", Anchor::end);
  }
  drawing.line({area.left, area.bottom}, {area.right, area.bottom}, "axis");
  drawing.line({area.left, area.top}, {area.left, area.bottom}, "axis");
  drawing.text({(area.left + area.right) / 2, area.bottom + 34}, x_name, "", Anchor::middle);
  drawing.vertical_text({area.left - 44, (area.top + area.bottom) / 2}, y_name);
  drawing.grow_to(area.bottom + 42);
}

namespace {

void draw_curve(Drawing& drawing, const NamedCurve& curve, const Axis& x, const Axis& y) {
  std::vector<Point> points;
  for (std::size_t i = 0; i < curve.x.size(); ++i)
    if (std::isfinite(curve.y[i])) points.push_back({x.place(curve.x[i]), y.place(curve.y[i])});
  drawing.polyline(points, curve.dashed ? "dashed" : "");
  if (points.size() > 40) return;
  for (const Point& p : points) {
    if (curve.dashed)
      drawing.rectangle({p.x - 3, p.y - 3, p.x + 3, p.y + 3}, "mark");
    else
      drawing.circle(p, 3, "mark", 1, "");
  }
}

void draw_names(Drawing& drawing, const std::vector<NamedCurve>& curves, double left) {
  for (const NamedCurve& curve : curves) {
    drawing.line({left, 12}, {left + 28, 12}, curve.dashed ? "dashed" : "");
    drawing.text({left + 34, 16}, curve.name);
    left += 34 + text_width(visible(curve.name), kFontSize) + 24;
  }
}

}  // namespace

Drawing draw_curves(const std::vector<NamedCurve>& curves, std::string_view x_name, std::string_view y_name,
                    bool probabilities) {
  Drawing drawing(420);
  const Box area{58, 30, 405, 215};
  double left = INFINITY, right = -INFINITY, top = 0;
  for (const NamedCurve& curve : curves) {
    for (const double k : curve.x) left = std::min(left, k), right = std::max(right, k);
    for (const double value : curve.y)
      if (std::isfinite(value)) top = std::clamp(value, top, kFarthest);
  }
  if (left > right) throw Error("[svg] curves without points, wanted at least one");
  if (left == right) left -= 1, right += 1;
  const Axis x(left, right, area.left + 6, area.right - 6);
  const Axis y(0, probabilities ? 1 : top > 0 ? 1.05 * top : 1, area.bottom, area.top);
  draw_axes(drawing, x, y, area, x_name, y_name);
  draw_names(drawing, curves, area.left);
  for (const NamedCurve& curve : curves) draw_curve(drawing, curve, x, y);
  return drawing;
}

}  // namespace slalom
