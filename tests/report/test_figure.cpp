#include "slalom/report/figure.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "../support/reported_example.hpp"
#include "slalom/base/error.hpp"

namespace {

using namespace slalom;
using namespace slalom::test;

std::string svg_of(const Figure& figure) {
  return draw(figure).document(figure.title);
}

Figure with(const Curve& curve) {
  return {"", {{"p", "", "", {curve}}}, 1};
}

TEST_CASE("a figure has all its texts once, whatever bytes they are, and the same bytes every time") {
  const Curve model{"BERT 1 layer", {1, 2, 3}, {1, NAN, 2}, Curve::Style::line_points};
  const Curve truth{"<script>\n'\"&", {1, 2, 3}, {1.5, 3, 4.5}, Curve::Style::dashed};
  const Panel left{"left", "repetitions", "log-odds", {model, truth}},
      right{"right", "queries", "R²", {model}, std::pair(0.0, 3.0), true};
  const Figure figure{"Two panels", {left, right}, 2};
  const std::string svg = svg_of(figure);
  CHECK(svg == svg_of(figure));
  for (const char* text : {"left", "repetitions", "log-odds", "right", "queries", "R²", "BERT 1 layer",
                           "&lt;script&gt;↵&#39;&quot;&amp;"})
    CHECK(occurrences(svg, concat(">", text, "</text>")) == 1);
  CHECK(occurrences(svg, "width=\"840\"") == 1);
}

TEST_CASE("curves pass through their points, and gaps break them") {
  // x from 2 to 6 with 8 % of room: 1.68 … 6.32 on 66 … 400; y 0 … 1 on 274 … 32 below a title.
  Figure figure = with({"c", {2, 3, 4, 5, 6}, {0, 1, NAN, 0.5, 0.5}});
  figure.panels[0].y_range = {0, 1};
  const std::string svg = svg_of(figure);
  CHECK(occurrences(svg, "<polyline class=\"c0\" points=\"89,274 161,32\"/>") == 1);
  CHECK(occurrences(svg, "<polyline class=\"c0\" points=\"305,153 377,153\"/>") == 1);
}

TEST_CASE("a curve is drawn as far as its panel's range goes") {
  Figure figure = with({"c", {2, 3, 4, 5, 6}, {0, 1, 2, 0.5, 0.5}});
  figure.panels[0].y_range = {0, 1};
  Figure gap = figure;
  gap.panels[0].curves[0].y[2] = NAN;
  CHECK(svg_of(figure) == svg_of(gap));
}

TEST_CASE("a label has the same colour in every panel, and references take none") {
  const Curve truth{"truth", {1, 2}, {1, 2}, Curve::Style::dashed};
  const Curve a{"a", {1, 2}, {1, 3}}, b{"b", {1, 2}, {2, 3}, Curve::Style::line_points};
  const std::string svg = svg_of({"", {{"", "", "", {truth, a, b}}, {"", "", "", {b}}}, 2});
  CHECK(occurrences(svg, "<polyline class=\"d0\"") == 2);  // curve and legend
  CHECK(occurrences(svg, "<polyline class=\"c0\"") == 2);
  CHECK(occurrences(svg, "<polyline class=\"c1\"") == 3);
  CHECK(occurrences(svg, "class=\"m1\"") == 5);
}

TEST_CASE("a label is drawn in each panel in the style that it has there") {
  const Curve line{"a", {1, 2}, {1, 3}}, points{"a", {1, 2}, {1, 3}, Curve::Style::points};
  const std::string svg = svg_of({"", {{"", "", "", {points}}, {"", "", "", {line}}}, 2});
  CHECK(occurrences(svg, "<polyline class=\"c0\"") == 1);
  CHECK(occurrences(svg, "class=\"m0\"") == 3);  // two points and the legend
}

TEST_CASE("what is not positive has no place on a logarithmic axis") {
  Figure figure = with({"c", {0, 1, 100, -1}, {1, 1, 1, 1}, Curve::Style::points});
  figure.panels[0].log_x = true;
  CHECK(occurrences(svg_of(figure), "class=\"m0\"") == 3);  // two points and the legend
}

TEST_CASE("a figure that cannot be drawn is refused") {
  CHECK_THROWS_WITH_AS(draw({"", {{}}, 0}), "[figure] 0 columns, wanted at least one", Error);
  CHECK_THROWS_WITH_AS(draw(with({"c", {1, 2}, {1}})), "[figure] curve \"c\": 2 x values, 1 y values", Error);
  Figure upside_down = with({"c", {1}, {1}});
  upside_down.panels[0].y_range = {2, 1};
  CHECK_THROWS_WITH_AS(draw(upside_down), "[svg] an axis from 2 to 1, wanted low < high", Error);
  CHECK_NOTHROW(draw(with({"nothing finite", {1, INFINITY}, {NAN, 1}})));
}

}  // namespace
