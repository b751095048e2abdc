#include "slalom/report/svg.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "../support/reported_example.hpp"
#include "slalom/base/error.hpp"
#include "slalom/report/characters.hpp"
#include "slalom/report/plane.hpp"

namespace {

using namespace slalom;
using namespace slalom::test;

TEST_CASE("text becomes harmless whatever its bytes are") {
  CHECK(visible("caf\xc3\xa9") == "café");
  CHECK(visible("\xff"
                "a\xc3") == "\uFFFDa\uFFFD");
  CHECK(visible(std::string("\0\x1b\n\t\x7f", 5)) == "[U+0000][U+001B]↵⇥[U+007F]");
  CHECK(visible("a\r\n\tb", true) == "a\n b");
  CHECK(visible("\u202E\u2066\u200B\u00AD") == "[U+202E][U+2066][U+200B][U+00AD]");
  CHECK(visible("\xf0\x9f\x91\xa9\xe2\x80\x8d") == "\U0001F469\u200D");
  CHECK(visible("\xed\xa0\x80").find('\xed') == std::string::npos);
  CHECK(escaped("<a href=\"x\">'&'</a>") == "&lt;a href=&quot;x&quot;&gt;&#39;&amp;&#39;&lt;/a&gt;");
  CHECK(escaped("\uFFFE") == "[U+FFFE]");
}

TEST_CASE("widths are those of DejaVu Sans") {
  // W 0.989, i 0.278, m 0.974 of the size.
  CHECK(std::abs(text_width("Wim", 10) - 22.41) < 1e-9);
  CHECK(text_width("é", 10) == text_width("e", 10));
  CHECK(text_width("日本", 10) >= 20);
  CHECK(terminal_columns("a日é") == 4);
  CHECK(terminal_columns("e\u0301") == 1);
  CHECK(shortened("日本語", 3) == "日本語");
  CHECK(shortened("日本語x", 3) == "日本…");
}

TEST_CASE("wrapped lines fit, and keep all words") {
  const std::string words = "one two three four five six seven";
  std::string joined;
  for (const std::string& line : wrapped(words, 80, 12)) {
    CHECK(text_width(line, 12) <= 80);
    joined += (joined.empty() ? "" : " ") + line;
  }
  CHECK(joined == words);
  for (const std::string& line : wrapped(std::string(99, 'w'), 80, 12)) CHECK(text_width(line, 12) <= 80);
}

TEST_CASE("axes place numbers evenly, or by asinh where they are spread far") {
  const Axis even({-1, 3}, 0, 100, true);
  CHECK(!even.bent());
  CHECK(std::abs(even.place(1) - 50) < 1e-9);
  CHECK(even.ticks(20) == std::vector<double>{-1, 0, 1, 2, 3});
  const Axis spread({-1, 0.5, 1, 0.7, 100}, 0, 100, true);
  CHECK(spread.bent());
  CHECK(spread.place(1) - spread.place(0) > 10);  // evenly it would be less than 1
  CHECK(spread.place(100) < 100);
  const std::vector<double> ticks = spread.ticks(10);
  CHECK(std::ranges::find(ticks, 0.0) != ticks.end());
  for (std::size_t i = 1; i < ticks.size(); ++i)
    CHECK(spread.place(ticks[i]) - spread.place(ticks[i - 1]) >= 10);
  CHECK_THROWS_AS(Axis(1, 1, 0, 100), Error);
  const Axis endless({1e300, -1e-300, 5, INFINITY}, 0, 100, true);
  for (const double x : {1e300, 1e-300, 5.0}) CHECK(std::abs(endless.place(x) - 50) < 50);
  CHECK(!endless.ticks(20).empty());
  // Numbers that differ by rounding alone are drawn as one.
  const double value = -0.3172004222869873;
  const Axis equal({value, std::nextafter(value, 0)}, 0, 100, false);
  CHECK(std::abs(equal.place(value) - 50) < 1e-9);
  CHECK(equal.ticks(20) == std::vector<double>{-1, -0.5, 0, 0.5});
  const Axis one({2, std::nan("")}, 0, 100, true);
  CHECK(std::abs(one.place(2) - 50) < 1e-9);
}

TEST_CASE("curves pass through their points") {
  // x from 2 to 4 on 64 … 399, y from 0 to 1 on 215 … 30: (3, 0.5) is at (231.5, 122.5).
  const std::string svg =
      draw_curves({{"kept", {2, 3, 4}, {0, 0.5, 1}, false}}, "k", "p", true).document("t");
  CHECK(occurrences(svg, "points=\"64,215 231.5,122.5 399,30\"") == 1);
  CHECK_THROWS_AS(draw_curves({}, "k", "p", true), Error);
}

TEST_CASE("the highlighted text holds every token once and the numbers of the strongest") {
  const ReportedText t = reported_example();
  const std::string svg = highlight_svg(t, t.explanations[0]);
  for (const char* name : {"a", "won", "der", "ful", "movie"})
    CHECK(occurrences(svg, ">" + std::string(name) + "</text>") == 1);
  CHECK(occurrences(svg, "[CLS]") == 0);
  CHECK(occurrences(svg, ">+3.30</text>") == 2);  // below "won" and at the end of the scale
  CHECK(occurrences(svg, "log-odds +2.31 for POSITIVE against the rest, probability .91") >= 1);
  CHECK(highlight_svg(t, t.explanations[0]) == svg);
}

TEST_CASE("pictures are standalone, and hostile words in them are inert") {
  ReportedText t = reported_example();
  t.tokens[2].text = "<script>alert(1)</script>";
  t.tokens[3].text = "\"/><a xlink:href='javascript:x'>";
  t.tokens[4].text = "]]>\x01&";
  t.target = "</title><script>";
  for (const std::string& svg : {highlight_svg(t, t.explanations[0]), plane_svg(t, t.explanations[0])}) {
    CHECK(svg.starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<svg xmlns="));
    CHECK(occurrences(svg, "<script") == 0);
    CHECK(occurrences(svg, "<a ") == 0);
    CHECK(occurrences(svg, "\x01") == 0);
    CHECK(occurrences(svg, "href=\"") + occurrences(svg, "href='") == 0);
    CHECK(occurrences(svg, "http") == 1);  // the namespace
  }
}

}  // namespace
