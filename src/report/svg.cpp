#include "slalom/report/svg.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "slalom/base/error.hpp"
#include "slalom/base/numbers.hpp"
#include "slalom/report/number_text.hpp"
#include "slalom/report/visible_text.hpp"

namespace slalom {

namespace {

constexpr std::string_view kStyle =
    "svg text{font:12px 'DejaVu Sans',Verdana,sans-serif;fill:#1a1a1a}"
    "svg .note{font-size:11px;fill:#555}"
    "svg .run,svg .label{font:11px 'DejaVu Sans Mono',Menlo,monospace}svg .run{font-size:15px}svg "
    ".number{fill:#555}"
    "svg .title{font-size:15px;font-weight:bold}"
    "svg .for{fill:#e07410;stroke:none}svg .against{fill:#2f78c8;stroke:none}"
    "svg .dot{stroke:#fff;stroke-width:1}"
    "svg line,svg polyline{fill:none;stroke:#1a1a1a;stroke-width:1.5}"
    "svg .axis{stroke:#555;stroke-width:1}svg .grid{stroke:#e4e4e4;stroke-width:1}"
    "svg .zero{stroke:#777;stroke-width:1;stroke-dasharray:4 3}svg .leader{stroke:#999;stroke-width:.7}"
    "svg .strong{stroke-width:2}svg .weak{stroke-width:2;stroke-dasharray:2 2}";

// Okabe and Ito's palette, which colour-blind readers tell apart; its black is kept for dashed curves, grey
// takes its place, and yellow, the weakest on white, comes last.
constexpr std::array<const char*, kCurveColours> kPalette = {"#0072B2", "#D55E00", "#009E73", "#CC79A7",
                                                             "#E69F00", "#56B4E9", "#7F7F7F", "#F0E442"};
constexpr std::array<const char*, kCurveDashes> kDashes = {"9 5", "2 3", "10 3 2 3"};

constexpr double kColumnWidth = 0.602;  // of DejaVu Sans Mono, of its size

std::string px(double x) {
  std::string digits = fixed(x, 1);
  if (digits.ends_with(".0")) digits.resize(digits.size() - 2);
  return digits == "-0" ? "0" : digits;
}

std::string opacity_of(double opacity) {
  return opacity < 1 ? concat(" fill-opacity=\"", fixed(opacity, 2), "\"") : std::string();
}

}  // namespace

double text_width(std::string_view visible_text, double size) {
  return kColumnWidth * size * static_cast<double>(terminal_columns(visible_text));
}

std::string picture_style() {
  std::string style(kStyle);
  for (std::size_t i = 0; i < kPalette.size(); ++i)
    style += concat("svg .c", i, "{stroke:", kPalette[i], "}svg .m", i, "{fill:", kPalette[i], "}");
  for (std::size_t i = 0; i < kDashes.size(); ++i)
    style += concat("svg .d", i, "{stroke-dasharray:", kDashes[i], "}");
  return style;
}

void Drawing::add(const char* tag, std::string_view kind, const std::vector<Attribute>& attributes,
                  const std::string& more, const std::string& content) {
  elements_ += slalom::concat("<", tag, kind.empty() ? "" : slalom::concat(" class=\"", kind, "\""));
  for (const auto& [name, pixels] : attributes)
    elements_ += slalom::concat(" ", name, "=\"", px(pixels), "\"");
  elements_ += more + (content.empty() ? "/>\n" : slalom::concat(">", content, "</", tag, ">\n"));
}

void Drawing::line(Point from, Point to, std::string_view kind) {
  add("line", kind, {{"x1", from.x}, {"y1", from.y}, {"x2", to.x}, {"y2", to.y}});
}

void Drawing::polyline(const std::vector<Point>& points, std::string_view kind, bool closed) {
  std::string list;
  for (const Point& p : points) list += slalom::concat(list.empty() ? "" : " ", px(p.x), ",", px(p.y));
  add(closed ? "polygon" : "polyline", kind, {}, slalom::concat(" points=\"", list, "\""));
}

void Drawing::rectangle(const Box& box, std::string_view kind, double opacity) {
  add("rect", kind,
      {{"x", box.left}, {"y", box.top}, {"width", box.width()}, {"height", box.height()}, {"rx", 2}},
      opacity_of(opacity));
}

void Drawing::circle(Point centre, double radius, std::string_view kind, double opacity,
                     std::string_view title) {
  add("circle", kind, {{"cx", centre.x}, {"cy", centre.y}, {"r", radius}}, opacity_of(opacity),
      title.empty() ? "" : slalom::concat("<title>", escaped(title), "</title>"));
}

void Drawing::text(Point at, std::string_view content, std::string_view kind, Anchor anchor, bool upwards) {
  if (content.empty()) return;
  constexpr const char* kAnchors[] = {"", " text-anchor=\"middle\"", " text-anchor=\"end\""};
  std::string more = kAnchors[static_cast<int>(anchor)];
  if (upwards) more += slalom::concat(" transform=\"rotate(-90 ", px(at.x), " ", px(at.y), ")\"");
  add("text", kind, {{"x", at.x}, {"y", at.y}}, more, escaped(content));
}

double Drawing::note(const std::string& content, double left, double top, double right) {
  const std::u32string all = code_points(visible(content));
  const auto columns = static_cast<Index>((right - left) / (kColumnWidth * kSmallFontSize));
  for (const auto& [begin, end] : lines_of(all, columns)) {
    top += 1.4 * kSmallFontSize;
    text({left, top}, utf8_of(all.substr(begin, end - begin)), "note");
  }
  grow_to(top + 6);
  return top;
}

void Drawing::append(const Drawing& other, double down) {
  elements_ += slalom::concat("<g transform=\"translate(0 ", px(down), ")\">\n", other.elements_, "</g>\n");
  grow_to(down + other.height_);
}

std::string Drawing::svg(const std::string& attributes, const std::string& head) const {
  return slalom::concat("<svg ", attributes, " width=\"", px(width_), "\" height=\"", px(height_),
                        "\" viewBox=\"0 0 ", px(width_), " ", px(height_), "\">\n", head, elements_,
                        "</svg>\n");
}

std::string Drawing::document(std::string_view title) const {
  return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n" +
         svg("xmlns=\"http://www.w3.org/2000/svg\"",
             slalom::concat("<title>", escaped(title), "</title>\n<style>", picture_style(),
                            "</style>\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n"));
}

std::string Drawing::inline_figure(std::string_view label) const {
  return svg(slalom::concat("role=\"img\" aria-label=\"", escaped(label), "\""), "");
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

// 1, 2 or 5 times a power of ten, or more.
double round_step(double least) {
  const double decade = std::pow(10, std::floor(std::log10(least)));
  for (const double digit : {1, 2, 5})
    if (least <= digit * decade) return digit * decade;
  return 10 * decade;
}

}  // namespace

Axis::Axis(const std::vector<double>& numbers, double from, double to, Scale scale)
    : from_(from),
      to_(to),
      unit_(scale == Scale::spread ? bend_unit(numbers) : 0),
      logarithmic_(scale == Scale::logarithmic) {
  std::vector<double> places;
  for (const double x : numbers)
    if (has_place(x)) places.push_back(scaled(x));
  if (places.empty()) places = {0};
  const auto [low, high] = std::ranges::minmax(places);
  // Numbers that differ by rounding alone are one number: no double lies between them for a tick.
  const double size = std::max(std::abs(low), std::abs(high)), range = high - low;
  const double room = range > 1e-12 * size ? 0.08 * range : std::max(1.0, 0.08 * size);
  low_ = low - room;
  high_ = high + room;
}

void Axis::set_range(double low, double high) {
  if (!(low < high && has_place(low) && has_place(high)))
    throw Error(concat("[svg] an axis from ", low, " to ", high, ", wanted low < high"));
  low_ = scaled(low);
  high_ = scaled(high);
}

bool Axis::has_place(double x) const {
  return std::isfinite(x) && (x > 0 || !logarithmic_);
}

double Axis::scaled(double x) const {
  if (logarithmic_) return std::log10(bounded(x));
  return unit_ > 0 ? std::asinh(bounded(x) / unit_) : bounded(x);
}

double Axis::place(double x) const {
  return from_ + (to_ - from_) * (scaled(x) - low_) / (high_ - low_);
}

std::vector<double> Axis::ticks(double spacing, double step) const {
  std::vector<double> out;
  if (unit_ == 0 && !logarithmic_) {
    step = round_step(std::max(step, spacing * (high_ - low_) / std::abs(to_ - from_)));
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
  for (const double digit : {1.0, 5.0, 2.0})
    for (int power = 15; power >= -15; --power)
      for (const double sign : {1.0, -1.0}) offer(sign * digit * std::pow(10, power));
  std::ranges::sort(out);
  return out;
}

void draw_axes(Drawing& drawing, const Axis& x, const Axis& y, const Box& area, std::string_view x_name,
               std::string_view y_name, double x_step) {
  double spacing = 40;
  for (const double tick : x.ticks(spacing, x_step))
    spacing = std::max(spacing, text_width(plain_number(tick, 7), kSmallFontSize) + 10);
  for (const double tick : x.ticks(spacing, x_step)) {
    const double at = x.place(tick);
    drawing.line({at, area.top}, {at, area.bottom}, "grid");
    drawing.text({at, area.bottom + 16}, plain_number(tick, 7), "note", Anchor::middle);
  }
  for (const double tick : y.ticks(34)) {
    const double at = y.place(tick);
    drawing.line({area.left, at}, {area.right, at}, "grid");
    drawing.text({area.left - 6, at + 4}, plain_number(tick, 7), "note", Anchor::end);
  }
  drawing.line({area.left, area.bottom}, {area.right, area.bottom}, "axis");
  drawing.line({area.left, area.top}, {area.left, area.bottom}, "axis");
  drawing.text({(area.left + area.right) / 2, area.bottom + 34}, x_name, "", Anchor::middle);
  drawing.text({area.left - 52, (area.top + area.bottom) / 2}, y_name, "", Anchor::middle, true);
  drawing.grow_to(area.bottom + 42);
}

}  // namespace slalom
