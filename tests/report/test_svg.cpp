#include "slalom/report/svg.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "../support/reported_example.hpp"
#include "slalom/base/error.hpp"
#include "slalom/report/explanation_svg.hpp"
#include "slalom/report/visible_text.hpp"

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

TEST_CASE("widths are counted in columns, and lines keep to them") {
  CHECK(std::abs(text_width("Wim", 10) - 18.06) < 1e-9);
  CHECK(terminal_columns("a日é") == 4);
  CHECK(terminal_columns("e\u0301") == 1);
  CHECK(shortened("日本語", 6) == "日本語");
  CHECK(shortened("日本語x", 6) == "日本…");
  const std::u32string words = U"one two  three\nfourfive 日本語";
  std::vector<std::string> lines;
  for (const auto& [begin, end] : lines_of(words, 7))
    lines.push_back(utf8_of(words.substr(begin, end - begin)));
  CHECK(lines == std::vector<std::string>{"one two", " three", "fourfiv", "e", "日本語"});
}

TEST_CASE("axes place numbers evenly, or by asinh where they are spread far") {
  const Axis even({-1, 3}, 0, 100, Axis::Scale::spread);
  CHECK(!even.bent());
  CHECK(std::abs(even.place(1) - 50) < 1e-9);
  CHECK(even.ticks(20) == std::vector<double>{-1, 0, 1, 2, 3});
  const Axis spread({-1, 0.5, 1, 0.7, 100}, 0, 100, Axis::Scale::spread);
  CHECK(spread.bent());
  CHECK(spread.place(1) - spread.place(0) > 10);  // evenly it would be less than 1
  CHECK(spread.place(100) < 100);
  const std::vector<double> ticks = spread.ticks(10);
  CHECK(std::ranges::find(ticks, 0.0) != ticks.end());
  for (std::size_t i = 1; i < ticks.size(); ++i)
    CHECK(spread.place(ticks[i]) - spread.place(ticks[i - 1]) >= 10);
  CHECK(even.ticks(20, 2) == std::vector<double>{0, 2});
  const Axis endless({1e300, -1e-300, 5, INFINITY}, 0, 100, Axis::Scale::spread);
  for (const double x : {1e300, 1e-300, 5.0}) CHECK(std::abs(endless.place(x) - 50) < 50);
  CHECK(!endless.ticks(20).empty());
  // Numbers that differ by rounding alone are drawn as one.
  const double value = -0.3172004222869873;
  const Axis equal({value, std::nextafter(value, 0)}, 0, 100, Axis::Scale::linear);
  CHECK(std::abs(equal.place(value) - 50) < 1e-9);
  CHECK(equal.ticks(20) == std::vector<double>{-1, -0.5, 0, 0.5});
  const Axis one({2, std::nan("")}, 0, 100, Axis::Scale::spread);
  CHECK(std::abs(one.place(2) - 50) < 1e-9);
}

TEST_CASE("a logarithmic axis places powers of ten evenly") {
  const Axis axis({1, 10, 1000, -1}, 0, 116, Axis::Scale::logarithmic);  // 0.24 of 3.48 decades on both sides
  CHECK(std::abs(axis.place(1) - 8) < 1e-9);
  CHECK(std::abs(axis.place(100) - (8 + 2 * 100.0 / 3)) < 1e-9);
  CHECK(axis.ticks(20) == std::vector<double>{1, 10, 100, 1000});
  CHECK(!axis.has_place(0));
}

TEST_CASE("the highlighted text holds every token once and the numbers of the strongest") {
  const ReportedText t = reported_example();
  const std::string svg = highlight_svg(t, t.explanations[0]);
  for (const char* name : {"a", "won", "der", "ful", "movie"})
    CHECK(occurrences(svg, ">" + std::string(name) + "</text>") == 1);
  CHECK(occurrences(svg, "[CLS]") == 0);
  CHECK(occurrences(svg, ">[+3.30]</text>") == 1);
  CHECK(occurrences(svg, ">+3.30</text>") == 1);  // at the end of the scale
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
