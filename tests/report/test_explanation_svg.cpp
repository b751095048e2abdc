#include "slalom/report/explanation_svg.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "../support/reported_example.hpp"
#include "slalom/base/error.hpp"
#include "slalom/report/visible_text.hpp"

namespace {

using namespace slalom;
using namespace slalom::test;

// Whether any of 200 points of the line lies in the box.
bool passes_through(Point a, Point b, const Box& box) {
  for (int k = 0; k <= 200; ++k) {
    const double x = a.x + (b.x - a.x) * k / 200, y = a.y + (b.y - a.y) * k / 200;
    if (x > box.left && x < box.right && y > box.top && y < box.bottom) return true;
  }
  return false;
}

std::vector<Dot> random_dots(Index n, double width, double height) {
  Rng rng(11, Purpose::test);
  std::vector<Dot> dots;
  for (Index i = 0; i < n; ++i)
    dots.push_back({{width * rng.uniform(), height * rng.uniform()}, 2 + 6 * rng.uniform()});
  return dots;
}

TEST_CASE("labels of 150 dots overlap no label, no dot and no leader line, and stay inside") {
  const Box area{0, 0, 640, 560};
  const std::vector<Dot> dots = random_dots(150, 640, 560);
  std::vector<double> widths;
  for (std::size_t i = 0; i < dots.size(); ++i) widths.push_back(20 + 5 * static_cast<double>(i % 9));
  const auto labels = place_labels(dots, widths, 13, area);
  REQUIRE(labels.size() == 150);
  Index placed = 0;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (!labels[i]) continue;
    ++placed;
    const Box& box = labels[i]->box;
    CHECK(area.contains(box));
    CHECK(std::abs(box.width() - widths[i]) < 1e-9);
    for (const Dot& dot : dots) {
      // Distance of the dot's centre from the box.
      const double dx = std::max({box.left - dot.at.x, 0.0, dot.at.x - box.right});
      const double dy = std::max({box.top - dot.at.y, 0.0, dot.at.y - box.bottom});
      CHECK(std::hypot(dx, dy) > dot.radius - 1e-9);
    }
    for (std::size_t j = 0; j < labels.size(); ++j) {
      if (!labels[j] || i == j) continue;
      CHECK(!box.overlaps(labels[j]->box));
      if (labels[j]->leader) CHECK(!passes_through(labels[j]->dot_end, labels[j]->box_end, box));
    }
  }
  CHECK(placed >= 110);
}

TEST_CASE("a lone dot has its label to the right, and one at the right edge to the left") {
  const Box area{0, 0, 200, 100};
  const auto labels = place_labels({{{50, 50}, 3}, {{198, 20}, 2}}, {40, 40}, 13, area);
  REQUIRE(labels[0]);
  REQUIRE(labels[1]);
  CHECK(labels[0]->box.left == 55);  // 3 of the dot and 2 of distance
  CHECK(labels[0]->box.top == 43.5);
  CHECK(!labels[0]->leader);
  CHECK(labels[1]->box.right == 194);
  CHECK(!place_labels({{{50, 50}, 3}}, {300}, 13, area)[0]);
}

TEST_CASE("every token of the plane has a dot, and a label or a place in the list below") {
  const ReportedText t = many_tokens(150);
  const std::string svg = plane_svg(t, t.explanations[0]);
  CHECK(occurrences(svg, "<circle") == 150);
  CHECK(plane_svg(t, t.explanations[0]) == svg);
  std::string listed = svg.substr(svg.find("Dots without a label"));
  std::size_t labels = 0;
  for (const ReportedToken& token : t.tokens) {
    const bool labelled = occurrences(svg, ">" + token.text + "</text>") > 0;
    labels += labelled;
    CHECK((labelled || occurrences(listed, token.text) > 0));
  }
  CHECK(labels == occurrences(svg, "class=\"label\""));
  CHECK(labels >= 80);
}

TEST_CASE("the plane shows the given numbers, and merges what occurs twice") {
  ReportedText t = reported_example();
  std::string svg = plane_svg(t, t.explanations[0]);
  CHECK(occurrences(svg, "<title>won: value +2.00, importance +0.50</title>") == 1);
  CHECK(occurrences(svg, "value −0.55, importance") == 1);
  CHECK(occurrences(svg, "<circle") == 5);
  // The importance 1.79 of the background is 2.54 from the middle of −2 … 0.5, more than their distance.
  CHECK(occurrences(svg, "Outside the picture: background") == 1);
  t.explanations[0] = reported_slalom(t.explanations[0].column("value"), {0, -2, 0.6, -1, 0, 0, 0});
  CHECK(occurrences(plane_svg(t, t.explanations[0]), "Cross: background") == 1);
  t.tokens[5] = t.tokens[2];
  for (auto& [name, scores] : t.explanations[0].columns) scores[5] = scores[2] * (1 + 1e-15);
  svg = plane_svg(t, t.explanations[0]);
  CHECK(occurrences(svg, "<circle") == 4);
  CHECK(occurrences(svg, "won ×2: value") == 1);
}

TEST_CASE("additive scores are bars of the right lengths") {
  ReportedText t = many_tokens(4);
  t.explanations = {reported_weights("linear-deletion", {2, -1, 0.5, 0})};
  const std::string svg = plane_svg(t, t.explanations[0]);
  // The widths of the rectangles that are bars: 2 : 1 : 0.5 : 0, to a tenth of a pixel.
  std::vector<double> widths;
  for (std::size_t at = svg.find("<rect class="); at != std::string::npos;
       at = svg.find("<rect class=", at + 1))
    widths.push_back(std::stod(svg.substr(svg.find("width=\"", at) + 7)));
  REQUIRE(widths.size() == 4);
  CHECK(std::abs(widths[0] - 2 * widths[1]) < 0.35);
  CHECK(std::abs(widths[0] - 4 * widths[2]) < 0.55);
  CHECK(widths[3] == 0);
  CHECK(occurrences(svg, "Whiskers: one standard error") == 1);
  t.explanations[0].columns.pop_back();
  CHECK(occurrences(plane_svg(t, t.explanations[0]), "Whiskers") == 0);
}

TEST_CASE("an explanation without scores cannot be drawn") {
  const ReportedText t = many_tokens(2);
  const double none = std::nan("");
  CHECK_THROWS_WITH_AS(plane_svg(t, reported_slalom({none, none}, {none, none})),
                       doctest::Contains("scores no token"), Error);
}

}  // namespace
