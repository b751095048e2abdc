#include "slalom/report/plane.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>

#include "slalom/base/error.hpp"
#include "slalom/report/characters.hpp"
#include "slalom/report/wording.hpp"

namespace slalom {

namespace {

constexpr double kWidth = 720, kLabelHeight = 13;
constexpr Index kLongestLabel = 18, kMostLabels = 250, kMostListed = 60, kMostBars = 30;

std::size_t first(const DistinctToken& token) {
  return static_cast<std::size_t>(token.first);
}

std::string label_of(const ReportedText& t, const DistinctToken& token) {
  return shortened(token_name(t.tokens[first(token)]), kLongestLabel);
}

struct PlanePoint {
  std::string label;
  double value = 0, importance = 0, part = 0;
  std::size_t count = 1;
};

std::vector<PlanePoint> plane_points(const ReportedText& t, const ReportedExplanation& e) {
  const auto &value = e.column("value"), &importance = e.column("importance");
  const std::vector<double> shade = shades(e);
  std::vector<PlanePoint> points;
  for (const DistinctToken& token : distinct_tokens(t, e)) {
    const std::size_t i = first(token);
    if (std::isfinite(value[i]) && std::isfinite(importance[i]))
      points.push_back({label_of(t, token), value[i], importance[i], shade[i], token.positions.size()});
  }
  return points;
}

template <class Member>
std::vector<double> all_of(const std::vector<PlanePoint>& points, Member member) {
  std::vector<double> out;
  std::ranges::transform(points, std::back_inserter(out), member);
  return out;
}

double radius_of(const PlanePoint& p) {
  return std::min(12.0, 3.2 * std::sqrt(static_cast<double>(p.count)));
}

std::string description(const PlanePoint& p) {
  return concat(p.label, p.count > 1 ? concat(" ×", p.count) : "", ": value ", signed_number(p.value, 2),
                ", importance ", signed_number(p.importance, 2));
}

void draw_labels(Drawing& drawing, const std::vector<PlanePoint>& points,
                 const std::vector<std::optional<PlacedLabel>>& labels) {
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (!labels[i]) continue;
    if (labels[i]->leader) drawing.line(labels[i]->dot_end, labels[i]->box_end, "leader");
    drawing.text({labels[i]->box.left + 1, labels[i]->box.bottom - 3}, points[i].label, "label");
  }
}

// Tokens whose labels found no place, with their coordinates.
std::string unlabelled(const std::vector<PlanePoint>& points,
                       const std::vector<std::optional<PlacedLabel>>& labels) {
  std::string list;
  Index n = 0;
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (i < labels.size() && labels[i]) continue;
    if (++n <= kMostListed)
      list += concat(n == 1 ? "Dots without a label (value, importance): " : "; ", points[i].label, " (",
                     signed_number(points[i].value, 2), ", ", signed_number(points[i].importance, 2), ")");
  }
  return n > kMostListed ? concat(list, " and ", n - kMostListed, " more.") : list.empty() ? "" : list + ".";
}

// Within the tokens' range, or half of it beyond.
bool is_near(double x, const std::vector<double>& range) {
  const auto [low, high] = std::ranges::minmax(range);
  return std::abs(x - (low + high) / 2) <= high - low;
}

// The background where it is near the tokens; farther away it would push them together.
const Background* drawn_background(const Explanation& e, const std::vector<double>& values,
                                   const std::vector<double>& importances) {
  const Background* b = background_of(e);
  return b != nullptr && is_near(b->value, values) && is_near(b->importance, importances) ? b : nullptr;
}

Dot draw_background(Drawing& drawing, Point at) {
  drawing.line({at.x - 5, at.y - 5}, {at.x + 5, at.y + 5}, "");
  drawing.line({at.x - 5, at.y + 5}, {at.x + 5, at.y - 5}, "");
  return {at, 6};
}

void draw_dots(Drawing& drawing, const std::vector<PlanePoint>& points, const std::vector<Dot>& dots) {
  for (std::size_t i = 0; i < points.size(); ++i)
    drawing.circle(dots[i].at, dots[i].radius, concat("dot ", side(points[i].part)),
                   0.35 + 0.6 * std::min(1.0, std::abs(points[i].part)), description(points[i]));
}

std::string plane_legend(const ReportedExplanation& e, const ReportedText& t, bool bent, bool crossed) {
  const ScoreMeaning m = score_meaning(e.ranking, t.target);
  std::string out =
      concat("A dot is a distinct token, its area the number of its occurrences. Orange: ", m.positive,
             ", blue: ", m.negative, "; the fuller the colour, the larger |", m.label, "|.");
  if (bent) out += " The axes are stretched near 0 (asinh), as a few tokens lie far out.";
  if (const std::string b = background_sentence(e.explanation); !b.empty())
    out += (crossed ? " Cross: " : " Outside the picture: ") + b + ".";
  return out;
}

Drawing draw_plane(const ReportedText& t, const ReportedExplanation& e) {
  const std::vector<PlanePoint> points = plane_points(t, e);
  Drawing drawing(kWidth);
  const Box area{64, 12, kWidth - 12, points.size() > 60 ? 620.0 : 420.0};
  std::vector<double> values = all_of(points, &PlanePoint::value),
                      importances = all_of(points, &PlanePoint::importance);
  const Background* background = drawn_background(e.explanation, values, importances);
  if (background != nullptr) {
    values.push_back(background->value);
    importances.push_back(background->importance);
  }
  const Axis x(values, area.left, area.right, true), y(importances, area.bottom, area.top, true);
  draw_axes(drawing, x, y, area,
            concat("value: log-odds of the token alone, nats (right of 0 for ",
                   shortened(visible(t.target), 24), ")"),
            "importance (logarithm)");
  if (x.contains(0)) drawing.line({x.place(0), area.top}, {x.place(0), area.bottom}, "zero");
  std::vector<Dot> dots;
  std::vector<double> widths;
  for (const PlanePoint& p : points) {
    dots.push_back({{x.place(p.value), y.place(p.importance)}, radius_of(p)});
    if (std::ssize(widths) < kMostLabels) widths.push_back(text_width(p.label, kSmallFontSize) + 2);
  }
  draw_dots(drawing, points, dots);
  if (background != nullptr)
    dots.push_back(draw_background(drawing, {x.place(background->value), y.place(background->importance)}));
  const auto labels = place_labels(dots, widths, kLabelHeight, area);
  draw_labels(drawing, points, labels);
  double end = drawing.note(plane_legend(e, t, x.bent() || y.bent(), background != nullptr), area.left,
                            area.bottom + 44, area.right);
  if (const std::string rest = unlabelled(points, labels); !rest.empty())
    end = drawing.note(rest, area.left, end + 4, area.right);
  return drawing;
}

const std::vector<double>* errors_of(const ReportedExplanation& e) {
  return e.find(error_column(e.ranking));
}

struct Bar {
  std::string label;
  double score = 0, error = 0;
};

std::vector<Bar> bars_of(const ReportedText& t, const ReportedExplanation& e, std::size_t& all) {
  std::vector<Bar> bars;
  const std::vector<DistinctToken> tokens = distinct_tokens(t, e);
  all = tokens.size();
  for (const DistinctToken& token : tokens) {
    if (std::ssize(bars) == kMostBars) break;
    const double error = errors_of(e) == nullptr ? 0 : (*errors_of(e))[first(token)];
    bars.push_back({label_of(t, token), e.ranking_scores()[first(token)], std::isfinite(error) ? error : 0});
    if (token.positions.size() > 1) bars.back().label += concat(" ×", token.positions.size());
  }
  return bars;
}

void draw_bar(Drawing& drawing, const Bar& bar, const Axis& x, double top, int decimals) {
  const double zero = x.place(0), end = x.place(bar.score);
  drawing.rectangle({std::min(zero, end), top + 3, std::max(zero, end), top + 15}, side(bar.score));
  double far = end;
  if (bar.error > 0) {
    const double from = x.place(bar.score - bar.error), to = x.place(bar.score + bar.error);
    drawing.line({from, top + 9}, {to, top + 9}, "axis");
    far = bar.score >= 0 ? to : from;
  }
  drawing.text({far + (bar.score >= 0 ? 5.0 : -5.0), top + 13}, signed_number(bar.score, decimals), "note",
               bar.score >= 0 ? Anchor::start : Anchor::end);
}

Drawing draw_bars(const ReportedText& t, const ReportedExplanation& e) {
  std::size_t all = 0;
  const std::vector<Bar> bars = bars_of(t, e, all);
  if (bars.empty()) throw Error(concat("[plane] ", e.explanation.method, " scores no token, wanted one"));
  Drawing drawing(kWidth);
  std::vector<double> ends = {0};
  double names = 0;
  for (const Bar& bar : bars) {
    ends.insert(ends.end(), {bar.score - bar.error, bar.score + bar.error});
    names = std::max(names, text_width(bar.label, kFontSize));
  }
  const Axis x(ends, names + 70, kWidth - 70, false);
  const int decimals = score_decimals(e.ranking_scores());
  const double bottom = 6 + 18 * static_cast<double>(bars.size());
  drawing.line({x.place(0), 4}, {x.place(0), bottom}, "axis");
  for (std::size_t i = 0; i < bars.size(); ++i) {
    const double top = 6 + 18 * static_cast<double>(i);
    drawing.text({names + 8, top + 13}, bars[i].label, "", Anchor::end);
    draw_bar(drawing, bars[i], x, top, decimals);
  }
  const ScoreMeaning m = score_meaning(e.ranking, t.target);
  drawing.note(
      concat(m.label, ": ", m.meaning, ". Right of 0 (orange): ", m.positive, ", left (blue): ", m.negative,
             ". ", all > bars.size() ? concat("The ", bars.size(), " strongest of ", all, ".") : "",
             errors_of(e) != nullptr ? " Whiskers: one standard error." : ""),
      8, bottom + 4, kWidth - 8);
  return drawing;
}

}  // namespace

Drawing draw_explanation(const ReportedText& t, const ReportedExplanation& e) {
  return has_plane(e) && !plane_points(t, e).empty() ? draw_plane(t, e) : draw_bars(t, e);
}

}  // namespace slalom
