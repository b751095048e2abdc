#include "slalom/report/terminal.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <sstream>

#include "../support/reported_example.hpp"
#include "slalom/base/error.hpp"
#include "slalom/report/explanation_text.hpp"
#include "slalom/report/number_text.hpp"
#include "slalom/report/visible_text.hpp"

namespace {

using namespace slalom;
using namespace slalom::test;

// What a terminal shows: the text without "ESC [ … m".
std::string without_codes(const std::string& s) {
  std::string out;
  for (std::size_t i = 0; i < s.size(); ++i) {
    if (s[i] == '\x1b')
      i = s.find('m', i);
    else
      out += s[i];
  }
  return out;
}

Index widest_line(const std::string& s) {
  Index widest = 0;
  std::istringstream lines(without_codes(s));
  for (std::string line; std::getline(lines, line);) widest = std::max(widest, terminal_columns(line));
  return widest;
}

bool has(const std::string& s, const std::string& what) {
  return s.find(what) != std::string::npos;
}

TEST_CASE("without colour the terminal view holds numbers and signs, and no escape sequence") {
  const std::string view = terminal_view(reported_example(), {false, 80, false, 10});
  CHECK(!has(view, "\x1b"));
  // 2 exp(0.5) = 3.297 is the largest score, 1 is 0.30 of it: a sign; 0.5 exp(−1) = 0.184 has neither.
  CHECK(has(view, "a won[+3.30]derful[−] movie\n"));
  CHECK(has(view, "example: log-odds +2.31 for POSITIVE against the rest, probability .91\n"));
  CHECK(has(view, "won     +3.30  +2.00       +0.50\n"));
  CHECK(has(view, "der     +0.18  +0.50       −1.00\n"));
  CHECK(has(view, "cost: 501 queries (346 different), 4,512 token-forwards, 0.021 s\n"));
  CHECK(!has(view, "[CLS]"));
}

TEST_CASE("scores below their standard error stand in brackets, which is said where there are any") {
  ReportedText t = many_tokens(2);
  t.tokens[0].text = "x  (y)";
  t.explanations = {reported_weights("leave-one-out", {2, -1})};
  const std::string note = "(number): less than its standard error\n";
  CHECK(!has(terminal_view(t), note));
  t.explanations[0].columns[1].second[1] = 1.5;
  CHECK(has(terminal_view(t), "(−1.00)      1.50\n" + note));
}

TEST_CASE("colours are the backgrounds of tokens and end with their line") {
  const std::string view = terminal_view(reported_example());
  CHECK(has(view, "\x1b[0;38;5;16;48;5;202;1;4mwon\x1b[0;2m[+3.30]"));
  CHECK(has(view, "\x1b[0;38;5;16;48;5;153mful\x1b[0m \x1b[0;38;5;16;48;5;223mmovie\x1b[0m\n"));
  CHECK(without_codes(view).find("a won[+3.30]derful movie\n") != std::string::npos);
  std::istringstream lines(view);
  for (std::string line; std::getline(lines, line);) {
    const std::size_t last = line.rfind("\x1b[");
    if (last != std::string::npos) CHECK(line.compare(last, 4, "\x1b[0m") == 0);
  }
}

TEST_CASE("special tokens are shown on demand, and always where they stand in the original") {
  ReportedText t = reported_example();
  CHECK(has(terminal_view(t, {false, 80, true, 10}), "[CLS] a won"));
  t.text[0] = "A  wonderful [SEP]ovie";
  const std::pair<Index, Index> bytes[] = {{0, 1}, {3, 6}, {6, 9}, {9, 12}, {18, 22}};
  for (std::size_t i = 0; i < 5; ++i) t.tokens[i + 1].bytes = bytes[i];
  t.tokens[6].bytes = std::pair<Index, Index>(13, 18);
  // Bytes out of order are read from the token: the original cannot be shown twice.
  CHECK(has(terminal_view(t, {false, 80, false, 10}), "A  won[+3.30]derful[−] [SEP]ovie\n"));
}

TEST_CASE("spaces are those of the original, of byte-level tokens, or one between words") {
  ReportedText t = many_tokens(3);
  t.tokens[0].text = "Hel";
  t.tokens[1].text = "lo";
  t.tokens[2].text = " you";
  const auto joined = [&] {
    std::string out;
    for (const ShownToken& shown : shown_tokens(t)) out += shown.before + shown.text;
    return out;
  };
  CHECK(joined() == "Hello you");
  t.tokens[2].text = "you";
  CHECK(joined() == "Hel lo you");
  t.tokens[1].piece = "##lo";
  CHECK(joined() == "Hello you");
  t.tokens[1].piece = t.tokens[1].text = " \n";
  CHECK(joined() == "Hel \n↵you");
  t.text[0] = "HEL-LO\n you!";
  t.tokens[0].bytes = {0, 3};
  t.tokens[1].bytes = {4, 6};
  t.tokens[2].bytes = {8, 11};
  CHECK(joined() == "HEL-LO\n you");
  t.text[0] = "what another window shows HEL-LO\n you!";
  for (ReportedToken& token : t.tokens) token.bytes->first += 26, token.bytes->second += 26;
  CHECK(joined() == "HEL-LO\n you");
  t.tokens[1].bytes = t.tokens[0].bytes;  // two tokens of the same bytes
  CHECK(joined() == "HEL \n↵-LO\n you");
}

TEST_CASE("lines keep to the width, wide characters counting twice") {
  ReportedText t = many_tokens(60);
  for (std::size_t i = 0; i < 60; i += 3) t.tokens[i].text = "日本語テキスト";
  t.tokens[7].text = std::string(200, 'x');
  t.explanations[0].warnings = {"a long warning " + std::string(150, 'w') + " with an end"};
  for (const Index width : {40, 61, 80, 200})
    for (const bool colour : {false, true}) {
      const Index widest = widest_line(terminal_view(t, {colour, width, false, 10}));
      CHECK(widest <= width);
      CHECK(widest > width - 20);
    }
}

TEST_CASE("hostile tokens can neither move the cursor nor change colours") {
  ReportedText t = reported_example();
  t.tokens[2].text =
      "\x1b[2J\x07\x9b"
      "1m\xc2\x9b\xe2\x80\xae\r";
  t.tokens[2].piece = t.tokens[2].text;
  t.id = "\x1b]0;title\x07";
  t.target = "POS\x1b[31m";
  t.explanations[0].warnings = {"\x1b[5m"};
  const std::string view = terminal_view(t, {false, 80, false, 10});
  CHECK(std::ranges::none_of(view, [](char c) { return (c >= 0 && c < ' ' && c != '\n') || c == 0x7f; }));
  CHECK(has(view, "[U+001B][2J[U+0007]\uFFFD1m[U+009B][U+202E][U+000D]"));
  CHECK(!has(view, "\xe2\x80\xae"));
}

TEST_CASE("the fidelity says in words how far to trust an explanation") {
  ReportedText t = reported_example();
  auto& fidelity = t.explanations[0].fidelity;
  const auto view = [&] {
    std::string words = terminal_view(t, {false, 400, false, 10});
    return words.substr(words.find("fidelity:"), words.find("\ncost") - words.find("fidelity:"));
  };
  // The root of 0.2025 is 0.45; 50 − 48 deletions were used.
  CHECK(
      view() ==
      "fidelity: R² .93, correlation .97, root mean squared error 0.45 nats on 50 deletions, 2 of them used "
      "for the explanation: predicts the model's answers to deletions of this text closely");
  fidelity->r2 = 0.9;
  CHECK(has(view(), "outline"));
  fidelity->r2 = 0.5;
  CHECK(has(view(), "do not rely on these scores"));
  fidelity->r2 = std::nan("");
  CHECK(has(view(), "R² –"));
  fidelity.reset();
  CHECK(view() == "fidelity: fidelity was not measured: nothing says how far to trust these scores");
}

TEST_CASE("numbers have as many digits as they need and the true minus sign") {
  CHECK(signed_number(-0.5, 2) == "−0.50");
  CHECK(signed_number(-0.001, 2) == "0.00");
  CHECK(signed_number(std::nan(""), 2) == "–");
  CHECK(signed_number(-INFINITY, 2) == "−∞");
  CHECK(signed_number(-1234.56, 2) == "−1235");
  CHECK(signed_number(1.234e9, 2) == "+1.23e+09");
  CHECK(probability_text(0.914) == ".91");
  CHECK(probability_text(0.9905) == ".991");
  CHECK(probability_text(0.0034) == ".003");
  CHECK(probability_text(0.99951) == "> .999");
  CHECK(probability_text(1e-9) == "< .001");
  CHECK(r2_text(0.964) == ".96");
  CHECK(r2_text(-0.374) == "−.37");
  CHECK(r2_text(1) == "1.00");
  CHECK(count_text(1234567) == "1,234,567");
  CHECK(count_text(999) == "999");
  const double sizes[] = {1234, 12.3, 1.2, 0.12, 0.012, 1e-12, 0};
  const int wanted[] = {2, 2, 2, 3, 4, 6, 2};
  for (std::size_t i = 0; i < 7; ++i) CHECK(score_decimals({{0, -sizes[i]}}) == wanted[i]);
}

TEST_CASE("equal tokens share a row, and the strongest are marked") {
  ReportedText t = many_tokens(24);
  ReportedExplanation e = reported_weights("leave-one-out", std::vector<double>(24, 0.1));
  for (const std::size_t i : {2u, 9u}) {
    t.tokens[i].text = t.tokens[i].piece = "same";
    t.tokens[i].ids = {99};
    e.columns[0].second[i] = -2;
  }
  e.columns[0].second[5] = 0.7;
  e.columns[0].second[6] = std::nan("");
  const std::vector<DistinctToken> rows = distinct_tokens(t, e);
  CHECK(rows.size() == 22);
  CHECK(rows[0].positions == std::vector<Index>{2, 9});
  CHECK(rows[1].first == 5);
  const std::vector<bool> strong = strongest(e);
  CHECK(std::ranges::count(strong, true) == 3);
  CHECK(shades(e)[5] == 0.35);
  CHECK(shades(e)[6] == 0);
}

}  // namespace
