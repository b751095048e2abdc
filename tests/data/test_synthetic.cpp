#include "slalom/data/synthetic.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "../support/allocations.hpp"
#include "../support/compare.hpp"
#include "../support/temporary_file.hpp"
#include "slalom/base/error.hpp"

using namespace slalom;
using test::relative_error;
using test::TemporaryFile;

namespace {

constexpr Index kTexts = 20'000;
constexpr TokenId kFirstWord = 5;

double sigmoid(double x) {
  return 1 / (1 + std::exp(-x));
}

/// What 20,000 texts of a source look like.
struct Census {
  std::map<TokenId, double> occurrences;
  double tokens = 0, shortest = 1e9, longest = 0, mean_length = 0, length_variance = 0;
  double label_deviation = 0;        // Σ (label − σ(log-odds)), in standard deviations
  double clear_label_deviation = 0;  // the same over texts with |log-odds| > 1, signs turned to positive
};

Census take_census(const TextSource& source) {
  Census census;
  double sum = 0, squares = 0, excess = 0, variance = 0, clear_excess = 0, clear_variance = 0;
  SyntheticText text;
  for (Index i = 0; i < kTexts; ++i) {
    source.get(i, text);
    const double length = static_cast<double>(text.tokens.size()), p = sigmoid(text.log_odds);
    for (const TokenId token : text.tokens) ++census.occurrences[token];
    sum += length;
    squares += length * length;
    census.shortest = std::min(census.shortest, length);
    census.longest = std::max(census.longest, length);
    excess += text.label - p;
    variance += p * (1 - p);
    if (std::abs(text.log_odds) <= 1) continue;
    clear_excess += (text.log_odds > 0 ? 1 : -1) * (text.label - p);
    clear_variance += p * (1 - p);
  }
  census.tokens = sum;
  census.mean_length = sum / kTexts;
  census.length_variance = squares / kTexts - census.mean_length * census.mean_length;
  census.label_deviation = excess / std::sqrt(variance);
  census.clear_label_deviation = clear_excess / std::sqrt(clear_variance);
  return census;
}

/// Within five standard errors of a law with this mean and variance; the variance's own error is that of a
/// normal law, larger than that of the laws in use.
void check_lengths(const Census& census, double mean, double variance) {
  CHECK(std::abs(census.mean_length - mean) <= 5 * std::sqrt(variance / kTexts));
  CHECK(std::abs(census.length_variance - variance) <= 5 * variance * std::sqrt(2.0 / kTexts));
}

void check_frequencies(const Census& census, const std::vector<double>& frequencies) {
  const double total = std::accumulate(frequencies.begin(), frequencies.end(), 0.0);
  REQUIRE(census.occurrences.size() == frequencies.size());
  for (std::size_t k = 0; k < frequencies.size(); ++k) {
    const double p = frequencies[k] / total,
                 got = census.occurrences.at(kFirstWord + static_cast<TokenId>(k));
    CHECK(std::abs(got / census.tokens - p) < 5 * std::sqrt(p * (1 - p) / census.tokens));
  }
}

std::vector<TokenId> tokens_of(const SyntheticSource& source, const std::vector<std::string>& words) {
  std::vector<TokenId> tokens;
  for (const std::string& word : words) tokens.push_back(source.vocabulary().find(word).value());
  return tokens;
}

}  // namespace

TEST_CASE("synthetic: the vocabulary of the linear truth") {
  const BagOfWordsSource source(0);
  const std::vector<std::string> want = {"[PAD]", "[CLS]", "[SEP]", "[UNK]",    "[MASK]",  "the",
                                         "we",    "movie", "watch", "best",     "perfect", "good",
                                         "worst", "poor",  "ok",    "[unused0]"};
  REQUIRE(source.vocabulary().size() == 16);
  for (TokenId id = 0; id < 16; ++id)
    CHECK(source.vocabulary().token(id) == want[static_cast<std::size_t>(id)]);
}

TEST_CASE("synthetic: lengths, frequencies and labels of the linear truth") {
  const std::vector<double> frequencies = {.2, .2, .2, .2, .06, .06, .08, .06, .06, .08};
  SUBCASE("binomial") {
    const Census census = take_census(BagOfWordsSource(1));
    check_lengths(census, 15, 7.5);  // 30 · ½, 30 · ½ · ½
    check_frequencies(census, frequencies);
    CHECK(std::abs(census.label_deviation) < 5);
    CHECK(std::abs(census.clear_label_deviation) < 5);
  }
  SUBCASE("fixed") {
    const Census census = take_census(BagOfWordsSource(2, LengthDistribution::fixed));
    CHECK(census.shortest == 30);
    CHECK(census.longest == 30);
    check_frequencies(census, frequencies);
  }
  SUBCASE("uniform") {
    const Census census = take_census(BagOfWordsSource(3, LengthDistribution::uniform));
    check_lengths(census, 15.5, 899. / 12);  // (30² − 1) / 12
    CHECK(census.shortest == 1);
    CHECK(census.longest == 30);
    check_frequencies(census, frequencies);
  }
}

TEST_CASE("synthetic: log-odds of the linear truth are sums of weights") {
  const BagOfWordsSource source(0);
  // 1.5 + 1.5 + 0 − 0.7 − 1 = 1.3
  CHECK(relative_error(source.log_odds(tokens_of(source, {"perfect", "perfect", "the", "ok", "poor"})), 1.3) <
        1e-15);
  CHECK(source.log_odds({}) == 0);
  const std::vector<TokenId> unused = {15}, cls = {1};
  CHECK_THROWS_WITH_AS(source.log_odds(unused), "[synthetic] token 15 is no word, wanted 5 to 14", Error);
  CHECK_THROWS_AS(source.log_odds(cls), Error);
}

TEST_CASE("synthetic: text i depends on the seed and i alone") {
  const BagOfWordsSource source(7), same(7), other(8);
  SyntheticText a, b;
  source.get(1000, a);
  for (const Index i : {0, 3, 999}) same.get(i, b);
  same.get(1000, b);
  CHECK(a.tokens == b.tokens);
  CHECK(a.label == b.label);
  source.get(1001, b);
  CHECK(a.tokens != b.tokens);
  other.get(1000, b);
  CHECK(a.tokens != b.tokens);
}

TEST_CASE("synthetic: the first texts of seed 0 change only on purpose") {
  SyntheticText text;
  BagOfWordsSource(0).get(0, text);
  CHECK(text.tokens == std::vector<TokenId>{11, 6, 12, 7, 6, 6, 6, 11, 5, 14, 8, 14, 5, 6, 10});
  CHECK(text.label == 1);
  SlalomSource(0).get(0, text);
  CHECK(text.tokens == std::vector<TokenId>{7, 5, 7, 6, 5, 5, 6, 7, 5, 7, 6, 7, 5, 5, 7, 6, 5, 6, 6});
  CHECK(text.label == 1);
}

TEST_CASE("synthetic: filling a text stays off the heap") {
  const BagOfWordsSource source(0);
  SyntheticText text;
  source.get(0, text);
  const std::size_t before = test::allocations();
  for (Index i = 1; i < 1000; ++i) source.get(i, text);
  CHECK(test::allocations() == before);
}

TEST_CASE("synthetic: bad tables of words") {
  using Words = std::vector<SlalomWord>;
  const auto make = [](const Words& words) { BagOfWordsSource(0, LengthDistribution::fixed, words); };
  CHECK_THROWS_AS(make({}), Error);
  CHECK_THROWS_WITH_AS(make(Words{{"a", 1, 0, 0}, {"b", 0, 0, 0}}),
                       "[synthetic] frequency of 'b' is 0, wanted a positive number", Error);
  CHECK_THROWS_AS(make(Words{{"a", NAN, 0, 0}}), Error);
  CHECK_THROWS_AS(make(Words{{"a", 1, 0, 0}, {"a", 1, 0, 0}}), Error);
  CHECK_THROWS_AS(make(Words{{"[CLS]", 1, 0, 0}}), Error);
}

TEST_CASE("synthetic: log-odds of a SLALOM truth by its formula") {
  const SlalomSource source(0);
  const std::vector<TokenId> tokens = tokens_of(source, {"best", "the", "worst", "the"});
  // (e^.6 · 1.1 + 2 e^−1 · .7 − e^.4 · 1.6) / (e^.6 + 2 e^−1 + e^.4)
  const double best = std::exp(.6), the = std::exp(-1.), worst = std::exp(.4);
  const double want = (best * 1.1 + 2 * the * .7 - worst * 1.6) / (best + 2 * the + worst);
  CHECK(relative_error(source.log_odds(tokens), want) < 1e-14);
  CHECK(relative_error(source.log_odds(std::vector<TokenId>(9, tokens[0])), 1.1) < 1e-14);
  CHECK_THROWS_AS(source.log_odds({}), Error);
  // Importances far beyond the range of exp: the softmax picks the larger one.
  const SlalomSource extreme(0, {{"a", 1, 2000, 3}, {"b", 1, -2000, 5}});
  CHECK(extreme.log_odds(tokens_of(extreme, {"a", "b"})) == 3);
}

TEST_CASE("synthetic: lengths, frequencies and labels of a SLALOM truth") {
  const Census census = take_census(SlalomSource(4));
  check_lengths(census, 15.5, 899. / 12);
  check_frequencies(census, {.3, .4, .3});
  CHECK(std::abs(census.label_deviation) < 5);
}

TEST_CASE("synthetic: a table of SLALOM words from a file") {
  const TemporaryFile table("word\tp\timportance\tvalue\n!\t0.005\t-0.5\t1e-2\nnaïve\t1\t2\t-3\n");
  const std::vector<SlalomWord> words = read_slalom_words(table.path);
  REQUIRE(words.size() == 2);
  CHECK(words[0].word == "!");
  CHECK(words[0].frequency == 0.005);
  CHECK(words[0].importance == -0.5);
  CHECK(words[0].value == 0.01);
  CHECK(words[1].word == "naïve");
  CHECK(words[1].value == -3);
}

TEST_CASE("synthetic: tables that cannot be read") {
  const std::string header = "word\tp\timportance\tvalue\n";
  const auto check = [](const std::string& bytes, const std::string& want) {
    const TemporaryFile table(bytes);
    CHECK_THROWS_WITH_AS(read_slalom_words(table.path), (table.path + want).c_str(), Error);
  };
  check("", ": found an empty file, wanted the header \"word\tp\timportance\tvalue\"");
  check("word p\n", ": line 1: found \"word p\", wanted the header \"word\tp\timportance\tvalue\"");
  check(header, ": found no word, wanted one a line below the header");
  check(header + "a\t1\t2\n", ": line 2: found 3 fields, wanted word, p, importance, value");
  check(header + "a\t1\t2\t3\t4\n", ": line 2: found 5 fields, wanted word, p, importance, value");
  check(header + "\t1\t2\t3\n", ": line 2: field \"word\": found nothing, wanted a word");
  check(header + "a\t0\t2\t3\n", ": line 2: field \"p\": found 0, wanted a positive number");
  check(header + "a\t1\t2,5\t3\n",
        ": line 2: field \"importance\": found \"2,5\", wanted a number from -1e9 to 1e9");
  check(header + "a\t1\t2\t\n", ": line 2: field \"value\": found \"\", wanted a number from -1e9 to 1e9");
  check(header + "a\t1\tnan\t3\n",
        ": line 2: field \"importance\": found \"nan\", wanted a number from -1e9 to 1e9");
  check(header + "a\t1\t2\t1e308\n",
        ": line 2: field \"value\": found \"1e308\", wanted a number from -1e9 to 1e9");
  check(header + "a\t1\t2\t3\na\t1\t2\t3\n",
        ": line 3: field \"word\": found \"a\" again, wanted distinct words");
}

TEST_CASE("synthetic: a redrawn table is a function of its seed") {
  const std::vector<SlalomWord> words = redraw_slalom_words(5, 200), again = redraw_slalom_words(5, 200),
                                other = redraw_slalom_words(6, 200), fewer = redraw_slalom_words(5, 16);
  REQUIRE(words.size() == 200);
  double importance = 0, value = 0;
  for (std::size_t k = 0; k < words.size(); ++k) {
    CHECK(words[k].word == concat("word", k));
    CHECK(words[k].frequency == 0.005);
    CHECK(words[k].importance == again[k].importance);
    importance += words[k].importance * words[k].importance / 200;
    value += words[k].value * words[k].value / 200;
  }
  CHECK(std::abs(importance - 1) < 5 * std::sqrt(2. / 200));
  CHECK(std::abs(value - .25) < 5 * .25 * std::sqrt(2. / 200));
  CHECK(words[0].value != other[0].value);
  CHECK(fewer[15].value == words[15].value);
  CHECK(SlalomSource(0, words).vocabulary().size() == 206);
}
