#include "slalom/report/explanation_svg.hpp"

#include <algorithm>
#include <cmath>

#include "slalom/base/error.hpp"
#include "slalom/report/explanation_text.hpp"
#include "slalom/report/number_text.hpp"
#include "slalom/report/visible_text.hpp"

namespace slalom {

namespace {

constexpr double kWidth = 720, kLabelHeight = 13, kBarHeight = 18, kMargin = 16;
constexpr Index kLongestLabel = 18;
constexpr std::size_t kMostLabels = 250, kMostBars = 30;

struct PlanePoint {
  std::string label;
  double value = 0, importance = 0, shade = 0;
  double count = 1;
};

// In the order of the tokens' strength.
std::vector<PlanePoint> plane_points(const ReportedText& t, const ReportedExplanation& e) {
  if (!e.has_plane()) return {};
  const auto &value = e.column("value"), &importance = e.column("importance");
  const std::vector<double> shade = shades(e);
  std::vector<PlanePoint> points;
  for (const DistinctToken& token : distinct_tokens(t, e)) {
    const auto i = static_cast<std::size_t>(token.first);
    if (std::isfinite(value[i]) && std::isfinite(importance[i]))
      points.push_back({token_label(t, token, kLongestLabel), value[i], importance[i], shade[i],
                        static_cast<double>(token.positions.size())});
  }
  return points;
}

// Within the tokens' range, or half of it beyond.
bool is_near(double x, const std::vector<double>& range) {
  const auto [low, high] = std::ranges::minmax(range);
  return std::abs(x - (low + high) / 2) <= high - low;
}

Dot draw_dot(Drawing& drawing, const PlanePoint& p, Point at) {
  const double radius = std::min(12.0, 3.2 * std::sqrt(p.count));
  drawing.circle(at, radius, concat("dot ", side(p.shade)), 0.35 + 0.6 * std::abs(p.shade),
                 concat(p.label, ": value ", signed_number(p.value, 2), ", importance ",
                        signed_number(p.importance, 2)));
  return {at, radius};
}

Dot draw_background(Drawing& drawing, Point at) {
  drawing.line({at.x - 5, at.y - 5}, {at.x + 5, at.y + 5}, "");
  drawing.line({at.x - 5, at.y + 5}, {at.x + 5, at.y - 5}, "");
  return {at, 6};
}

// Tokens whose labels found no place are listed, which is returned.
std::string draw_labels(Drawing& drawing, const std::vector<PlanePoint>& points, const std::vector<Dot>& dots,
                        const Box& area) {
  std::vector<double> widths;
  for (std::size_t i = 0; i < std::min(points.size(), kMostLabels); ++i)
    widths.push_back(text_width(points[i].label, kSmallFontSize) + 2);
  auto labels = place_labels(dots, widths, kLabelHeight, area);
  labels.resize(points.size());
  std::string rest;
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (labels[i]) {
      if (labels[i]->leader) drawing.line(labels[i]->dot_end, labels[i]->box_end, "leader");
      drawing.text({labels[i]->box.left + 1, labels[i]->box.bottom - 3}, points[i].label, "label");
    } else {
      rest +=
          concat(rest.empty() ? "Dots without a label (value, importance): " : "; ", points[i].label, " (",
                 signed_number(points[i].value, 2), ", ", signed_number(points[i].importance, 2), ")");
    }
  }
  return rest;
}

std::string plane_legend(const ReportedText& t, const ReportedExplanation& e, bool bent, bool crossed) {
  std::string out =
      "A dot is a distinct token, its area the number of its occurrences, the fuller its colour "
      "the larger the score. " +
      colour_sentence(t, e);
  if (bent) out += " The axes are stretched near 0 (asinh), as a few tokens lie far out.";
  if (const std::string b = background_sentence(e); !b.empty())
    out += (crossed ? " Cross: " : " Outside the picture: ") + b + ".";
  return out;
}

std::string value_axis(const ReportedText& t) {
  const std::string name = concat("value: ", scale_name(t.problem), " of the token alone");
  if (t.problem == ProblemType::regression) return name;
  return concat(name, ", nats (right of 0 for ", shortened(visible(t.target), 24), ")");
}

Drawing draw_plane(const ReportedText& t, const ReportedExplanation& e,
                   const std::vector<PlanePoint>& points) {
  Drawing drawing(kWidth);
  const Box area{64, 12, kWidth - 12, points.size() > 60 ? 620.0 : 420.0};
  std::vector<double> values, importances;
  for (const PlanePoint& p : points) {
    values.push_back(p.value);
    importances.push_back(p.importance);
  }
  // Farther away the background would push the tokens together.
  const Background* background = background_of(e);
  const bool crossed = background != nullptr && is_near(background->value, values) &&
                       is_near(background->importance, importances);
  if (crossed) {
    values.push_back(background->value);
    importances.push_back(background->importance);
  }
  const Axis x(values, area.left, area.right, Axis::Scale::spread),
      y(importances, area.bottom, area.top, Axis::Scale::spread);
  draw_axes(drawing, x, y, area, value_axis(t), "importance (logarithm)");
  if (x.contains(0)) drawing.line({x.place(0), area.top}, {x.place(0), area.bottom}, "zero");
  std::vector<Dot> dots;
  for (const PlanePoint& p : points)
    dots.push_back(draw_dot(drawing, p, {x.place(p.value), y.place(p.importance)}));
  if (crossed)
    dots.push_back(draw_background(drawing, {x.place(background->value), y.place(background->importance)}));
  const std::string rest = draw_labels(drawing, points, dots, area);
  const double end = drawing.note(plane_legend(t, e, x.bent() || y.bent(), crossed), area.left,
                                  area.bottom + 44, area.right);
  if (!rest.empty()) drawing.note(rest + ".", area.left, end + 4, area.right);
  return drawing;
}

// A bar from 0 to the score, a whisker of one standard error on both sides of its end, and the number.
void draw_bar(Drawing& drawing, const Axis& x, double top, double score, double error, int decimals) {
  const double zero = x.place(0), end = x.place(score);
  drawing.rectangle({std::min(zero, end), top + 3, std::max(zero, end), top + 15}, side(score));
  if (error > 0) drawing.line({x.place(score - error), top + 9}, {x.place(score + error), top + 9}, "axis");
  const bool right = score >= 0;
  drawing.text({x.place(right ? score + error : score - error) + (right ? 5.0 : -5.0), top + 13},
               signed_number(score, decimals), "note", right ? Anchor::start : Anchor::end);
}

Drawing draw_bars(const ReportedText& t, const ReportedExplanation& e) {
  std::vector<DistinctToken> tokens = distinct_tokens(t, e);
  if (tokens.empty()) throw Error(concat("[plane] ", e.method, " scores no token, wanted one"));
  std::string note = colour_sentence(t, e);
  if (tokens.size() > kMostBars) note += concat(" The ", kMostBars, " strongest of ", tokens.size(), ".");
  tokens.resize(std::min(tokens.size(), kMostBars));
  const std::vector<double>*scores = &e.ranking_scores(), *errors = e.find(error_column(e.ranking));
  if (errors != nullptr) note += " Whiskers: one standard error.";
  const auto error_of = [&](std::size_t i) {
    return errors && std::isfinite((*errors)[i]) ? (*errors)[i] : 0;
  };
  std::vector<std::string> labels;
  std::vector<double> ends = {0};
  double widest = 0;
  for (const DistinctToken& token : tokens) {
    const auto i = static_cast<std::size_t>(token.first);
    labels.push_back(token_label(t, token, kLongestLabel));
    widest = std::max(widest, text_width(labels.back(), kSmallFontSize));
    ends.insert(ends.end(), {(*scores)[i] - error_of(i), (*scores)[i] + error_of(i)});
  }
  Drawing drawing(kWidth);
  const Axis x(ends, widest + 70, kWidth - 70, Axis::Scale::linear);
  double top = 6;
  for (std::size_t k = 0; k < tokens.size(); ++k, top += kBarHeight) {
    const auto i = static_cast<std::size_t>(tokens[k].first);
    drawing.text({widest + 8, top + 13}, labels[k], "label", Anchor::end);
    draw_bar(drawing, x, top, (*scores)[i], error_of(i), score_decimals(*scores));
  }
  drawing.line({x.place(0), 4}, {x.place(0), top}, "axis");
  drawing.note(note, 8, top + 4, kWidth - 8);
  return drawing;
}

}  // namespace

Drawing draw_explanation(const ReportedText& t, const ReportedExplanation& e) {
  const std::vector<PlanePoint> points = plane_points(t, e);
  return points.empty() ? draw_bars(t, e) : draw_plane(t, e, points);
}

double draw_heading(Drawing& drawing, const ReportedText& t, const ReportedExplanation& e) {
  drawing.text({kMargin, 24}, e.method, "title");
  return drawing.note(concat(target_sentence(t), ". Fidelity: ", fidelity_sentence(t, e), "."), kMargin, 28,
                      drawing.width() - kMargin);
}

std::string plane_svg(const ReportedText& t, const ReportedExplanation& e) {
  const Drawing picture = draw_explanation(t, e);
  Drawing heading(picture.width());
  heading.append(picture, draw_heading(heading, t, e) + 12);
  return heading.document(concat(e.method, ": ", target_sentence(t)));
}

namespace {

constexpr double kTextSize = 15, kLineHeight = 24;

// Returns where the text ends.
double draw_text(Drawing& drawing, const ReportedText& t, const ReportedExplanation& e, double y) {
  const auto columns = static_cast<Index>((kWidth - 2 * kMargin) / text_width("x", kTextSize));
  for (const std::vector<TextRun>& line : running_text(t, e, columns, false, false)) {
    double x = kMargin;
    y += kLineHeight;
    for (const TextRun& run : line) {
      const double end = x + text_width(run.text, kTextSize), opacity = shade_opacity(run.shade);
      if (opacity > 0) drawing.rectangle({x, y - 15, end - 0.5, y + 5}, side(run.shade), opacity);
      if (run.strong) drawing.line({x, y + 5}, {end - 0.5, y + 5}, run.shade > 0 ? "strong" : "weak");
      drawing.text({x, y}, run.text, run.is_mark ? "run number" : "run");
      x = end;
    }
  }
  return y + kLineHeight;
}

void draw_scale(Drawing& drawing, const ReportedText& t, const ReportedExplanation& e, double top) {
  constexpr int kSteps = 10;
  constexpr double kStep = 16, kLeft = kMargin + 4, kEnd = kLeft + 2 * kSteps * kStep;
  for (int i = -kSteps; i < kSteps; ++i) {
    const double shade = (i + 0.5) / kSteps, at = kLeft + (i + kSteps) * kStep;
    drawing.rectangle({at, top, at + kStep, top + 12}, side(shade), shade_opacity(shade));
  }
  const int decimals = score_decimals(e.ranking_scores());
  const double largest = largest_score(e);
  drawing.text({kLeft, top + 25}, signed_number(-largest, decimals), "note");
  drawing.text({(kLeft + kEnd) / 2, top + 25}, "0", "note", Anchor::middle);
  drawing.text({kEnd, top + 25}, signed_number(largest, decimals), "note", Anchor::end);
  drawing.note(colour_sentence(t, e) + " Lines and numbers mark the strongest tokens.", kEnd + 20, top - 6,
               kWidth - kMargin);
  drawing.grow_to(top + 36);
}

}  // namespace

std::string highlight_svg(const ReportedText& t, const ReportedExplanation& e) {
  Drawing drawing(kWidth);
  draw_scale(drawing, t, e, draw_text(drawing, t, e, draw_heading(drawing, t, e) + 6));
  return drawing.document(concat(e.method, ": ", target_sentence(t)));
}

}  // namespace slalom
