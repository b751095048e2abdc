#include "slalom/report/page.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <set>
#include <string_view>

#include "../support/reported_example.hpp"
#include "slalom/base/correlation.hpp"
#include "slalom/base/error.hpp"
#include "slalom/report/explanation_text.hpp"

namespace {

using namespace slalom;
using namespace slalom::test;

// The first fault in the nesting of tags; empty if there is none. Comments do not occur.
std::string unbalanced(std::string_view html) {
  static const std::set<std::string> empty = {"meta", "img", "br", "!DOCTYPE"};
  std::vector<std::string> open;
  for (std::size_t at = 0; (at = html.find('<', at)) != std::string_view::npos;) {
    const std::size_t end = html.find('>', at);
    if (end == std::string_view::npos) return "a tag without end";
    const bool closes = html[at + 1] == '/', closed = html[end - 1] == '/';
    std::string name(html.substr(at + 1 + closes, end - at - 1 - closes));
    name.resize(std::min(name.find_first_of(" \n/"), name.size()));
    at = end;
    if (closes) {
      if (open.empty() || open.back() != name)
        return "</" + name + "> in " + (open.empty() ? "" : open.back());
      open.pop_back();
    } else if (!closed && !empty.contains(name)) {
      open.push_back(name);
      if (name == "script" || name == "style") at = html.find("</" + name, at);
    }
  }
  return open.empty() ? "" : "no </" + open.back() + ">";
}

ReportedText two_methods() {
  ReportedText t = many_tokens(30);
  for (ReportedExplanation& e : t.explanations) {
    e.insertion = RankingCurve{{5, 10, 30}, {0.4, 0.6, 0.8}, 0.6};
    e.deletion = RankingCurve{{5, 10}, {0.5, 0.1}, 0.3};
  }
  t.explanations[0].warnings = {"importances lie at their bound"};
  for (Index head = 0; head < 2; ++head) t.attention.push_back({0, head, std::vector<float>(900, 1.0F / 30)});
  return t;
}

TEST_CASE("a page is balanced, complete by itself, and the same bytes every time") {
  const std::vector<ReportedText> texts = {two_methods(), reported_example()};
  const std::string page = page_html(texts, "Two texts");
  CHECK(page == page_html(texts, "Two texts"));
  CHECK(unbalanced(page) == "");
  CHECK(page.starts_with("<!DOCTYPE html>\n<html lang=\"en\">"));
  for (const char* resource :
       {"http:", "https:", "\"//", "url(", "@import", "<link", "<iframe", "javascript:"})
    CHECK(occurrences(page, resource) == 0);
  CHECK(occurrences(page, "src=\"") == occurrences(page, "src=\"data:image/bmp;base64,"));
  CHECK(occurrences(page, "default-src 'none'") == 1);
  CHECK(occurrences(page, "<h1>") == 1);
  CHECK(occurrences(page, "<h2 ") == 2);
}

TEST_CASE("the content security policy allows the page's own script and no other") {
  // SHA-256 of the empty text, FIPS 180-4, in base 64: 47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=.
  CHECK(base64("") == "");
  CHECK(base64("Man") == "TWFu");
  CHECK(base64("M") == "TQ==");
  CHECK(base64("\xff\xfe") == "//4=");
  const std::string page = page_html({reported_example()}, "t");
  CHECK(occurrences(page, "<script") == 1);
  CHECK(occurrences(page, "<script>" + std::string(page_script()) + "</script>") == 1);
  CHECK(script_hash().size() == 7 + 44);
  CHECK(occurrences(page, "script-src '" + script_hash() + "'") == 1);
}

TEST_CASE("the page says what F is: of a label of its own, of a number") {
  ReportedText text = reported_example();
  text.problem = ProblemType::multi_label;
  CHECK(occurrences(page_html({text}, "t"),
                    "<strong>log-odds +2.31 for POSITIVE, probability .91</strong>") == 1);
  text.problem = ProblemType::regression;
  const std::string page = page_html({text}, "t");
  CHECK(occurrences(page, "<strong>output +2.31 of POSITIVE</strong>") == 1);
  CHECK(occurrences(page, "raises POSITIVE") > 0);
  // Nothing but the general introduction speaks of log-odds.
  CHECK(page.find("log-odds", page.find("<main>")) == std::string::npos);
  CHECK(page.find("nats", page.find("<main>")) == std::string::npos);
}

TEST_CASE("numbers on the page are those given") {
  const std::string page = page_html({reported_example()}, "t");
  CHECK(occurrences(page, "<strong>log-odds +2.31 for POSITIVE against the rest, probability .91</strong>") ==
        1);
  CHECK(occurrences(page, "<td>+2.00</td>") == 1);
  CHECK(occurrences(page,
                    "title=\"won: value +2.00, importance +0.50, linear +3.30\">won</span>"
                    "<span class=\"n\">+3.30</span>") == 1);
  CHECK(occurrences(page, "R² .93, correlation .97, root mean squared error 0.45 nats on 50 deletions") == 1);
  CHECK(occurrences(page, "<th scope=\"row\">mse_fit</th><td>0.00689</td>") == 1);
  CHECK(occurrences(page, "<th scope=\"row\">seed</th><td class=\"left\">7</td>") == 1);
  // The vocabulary's spelling is there where it differs.
  CHECK(occurrences(page, "<td class=\"left\">##der</td>") == 1);
  CHECK(occurrences(page_html({many_tokens(3)}, "t"), "in the vocabulary") == 0);
  CHECK(occurrences(page, "won</th><td class=\"left\"></td>") == 1);
}

TEST_CASE("methods are compared by fidelity, cost and Spearman's correlation of their scores") {
  const ReportedText t = two_methods();
  const std::string table = method_comparison(t);
  CHECK(occurrences(table, "<td>.93</td><td>–</td><td>0.45</td>") == 1);
  CHECK(occurrences(table, "close") == 1);
  CHECK(occurrences(table, "poor") == 1);
  CHECK(occurrences(table, "<td>4,512</td>") == 2);
  const double rho = spearman(t.explanations[0].ranking_scores(), t.explanations[1].ranking_scores());
  REQUIRE(rho > 0.1);
  CHECK(occurrences(table, "<td>1.00</td><td>." + std::to_string(std::lround(100 * rho)) + "</td>") == 1);
  CHECK(occurrences(page_html({reported_example()}, "t"), "The methods compared") == 0);
}

TEST_CASE("what changes the sign is named, and that nothing does") {
  ReportedText t = reported_example();
  const Flip flip{"greedy", {2}, -0.5, true, 1};
  t.explanations[0].flip_sentences = {flip_sentence(flip, {"won", "movie"}, t.problem),
                                      flip_sentence({"slalom-fidel", {}, 0, false, 0}, {}, t.problem)};
  const std::string page = page_html({t}, "t");
  CHECK(occurrences(page, "Flip by greedy: without “won”, “movie” the log-odds is −0.50 (1 query).") == 1);
  CHECK(occurrences(page, "Flip by slalom-fidel: no removal is predicted to change the sign.") == 1);
}

TEST_CASE("hostile words are inert everywhere on the page") {
  const std::string bad = "<script>alert(1)</script>-->\"'&amp;</style>\xE2\x80\xAE\x1b<img src=x onerror=y>";
  ReportedText t = two_methods();
  for (ReportedToken& token : t.tokens) token.text = token.piece = bad;
  t.id = t.target = bad;
  t.parameters = {{bad, bad}};
  for (ReportedExplanation& e : t.explanations) {
    e.method = bad;
    e.checks = {{bad, 1}};
    e.warnings = {bad};
  }
  t.explanations[0].columns.emplace_back(bad, std::vector<double>(30, 1));
  const std::string page = page_html({t, t}, bad);
  CHECK(unbalanced(page) == "");
  CHECK(occurrences(page, "<script") == 1);
  CHECK(occurrences(page, "</style") == 1);
  CHECK(occurrences(page, "<img src=x") == 0);
  CHECK(occurrences(page, "-->") == 0);
  CHECK(occurrences(page, "\"'") == 0);
  CHECK(occurrences(page, "\xE2\x80\xAE") == 0);
  CHECK(occurrences(page, "\x1b") == 0);
}

TEST_CASE("curves are drawn as far as they were measured") {
  ReportedText t = two_methods();
  CHECK(occurrences(curves(t, t.explanations[0]), "<svg") == 2);
  CHECK(occurrences(curves(t, t.explanations[0]), "(insertion): mean .60, higher is better") == 1);
  t.explanations[0].insertion.reset();
  CHECK(occurrences(curves(t, t.explanations[0]), "insertion)") == 0);
  t.explanations[0].deletion.reset();
  CHECK(occurrences(curves(t, t.explanations[0]), "<svg") == 1);
  t.explanations[0].fidelity.reset();
  CHECK(curves(t, t.explanations[0]).empty());
}

std::string decoded(const std::string& text) {
  static const std::string digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  unsigned bits = 0;
  int n = 0;
  for (const char c : text) {
    if (c == '=') break;
    bits = bits << 6 | static_cast<unsigned>(digits.find(c));
    if ((n += 6) >= 8) out += static_cast<char>(bits >> (n -= 8) & 0xFF);
  }
  return out;
}

// The grey levels of the only picture, row by row from the top.
std::vector<int> levels(const std::string& html, std::size_t cells) {
  const std::size_t begin = html.find("base64,") + 7, row = (cells + 3) / 4 * 4;
  const std::string bitmap = decoded(html.substr(begin, html.find('"', begin) - begin));
  REQUIRE(bitmap.starts_with("BM"));
  REQUIRE(bitmap.size() == 54 + 4 * 256 + cells * row);
  std::vector<int> out;
  for (std::size_t r = cells; r-- > 0;)
    for (std::size_t c = 0; c < cells; ++c)
      out.push_back(static_cast<unsigned char>(bitmap[54 + 4 * 256 + r * row + c]));
  return out;
}

TEST_CASE("attention is drawn in shades of the root of weight over largest weight") {
  ReportedText t = many_tokens(2);
  t.attention = {{3, 1, {0.64F, 0.16F, 0.0F, 0.04F}}};
  // √(w / 0.64) of 1, 0.5, 0, 0.25 is 255, 128, 0 and 64 steps of 255 from white.
  CHECK(levels(attention_maps(t), 2) == std::vector<int>{0, 127, 255, 191});
  CHECK(occurrences(attention_maps(t), "alt=\"layer 3, head 1, to .64\"") == 1);
  CHECK(attention_maps(many_tokens(2)).empty());
}

TEST_CASE("attention maps say which axis reads, and the tokens along them") {
  ReportedText t = many_tokens(3);
  t.tokens[0].piece = "<b>";
  t.tokens[1].piece = "##ing";
  t.attention = {{0, 0, std::vector<float>(9, 1.0F / 3)}};
  const std::string html = attention_maps(t);
  CHECK(occurrences(html, concat("the top left: &lt;b&gt; · ##ing · ", t.tokens[2].piece, ".")) == 1);
  CHECK(occurrences(html, "key (read) →") == 1);
  CHECK(occurrences(html, "↓ query (reads)") == 1);
}

TEST_CASE("attention of long texts is averaged over blocks, which is said") {
  ReportedText t = many_tokens(129);  // blocks of 3 × 3, 43 in a row
  t.attention = {{0, 0, std::vector<float>(129 * 129, 0.0F)}};
  t.attention[0].pattern[0] = 0.9F;
  const std::string html = attention_maps(t);
  CHECK(occurrences(html, "width=\"43\" height=\"43\"") == 1);
  CHECK(occurrences(html, "the mean over 3 × 3 of the 129 tokens") == 1);
  CHECK(occurrences(html, "to .10") == 2);  // 0.9 / 9, in the caption and for those who cannot see it
  CHECK(levels(html, 43)[0] == 0);
  CHECK(levels(html, 43)[1] == 255);
}

TEST_CASE("6 layers of 12 heads over 200 tokens take less than 1.5 MB") {
  ReportedText t = many_tokens(200);
  Rng rng(5, Purpose::test);
  std::vector<float> noise(200 * 200);
  for (float& w : noise) w = static_cast<float>(rng.uniform());
  for (Index layer = 0; layer < 6; ++layer)
    for (Index head = 0; head < 12; ++head) t.attention.push_back({layer, head, noise});
  const std::string html = attention_maps(t);
  CHECK(html.size() < 1'500'000);
  CHECK(unbalanced(html) == "");
}

TEST_CASE("a pair of texts is two paragraphs, and a page needs a text") {
  ReportedText t = reported_example();
  for (std::size_t i = 4; i < 7; ++i) t.tokens[i].part = 1;
  CHECK(occurrences(highlighted_text(t, t.explanations[0]), "<p class=\"run\"") == 2);
  CHECK_THROWS_AS(page_html({}, "t"), Error);
}

TEST_CASE("explanations without any score still make a page") {
  ReportedText t = many_tokens(3);
  const std::vector<double> none(3, std::nan(""));
  t.explanations = {reported_weights("leave-one-out", none), reported_slalom(none, none)};
  CHECK(unbalanced(page_html({t}, "t")) == "");
}

}  // namespace
