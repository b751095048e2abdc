#include "slalom/data/unigram_classes.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <map>

#include "../support/allocations.hpp"
#include "../support/compare.hpp"
#include "slalom/base/error.hpp"
#include "slalom/train/training_data.hpp"

using namespace slalom;
using test::relative_error;

namespace {

using Text = std::vector<TokenId>;

constexpr TokenId kSpecial = 0, kGood = 1, kBad = 2, kThe = 3, kRare = 4;

const Vocabulary& small_vocabulary() {
  static const Vocabulary vocabulary({"[CLS]", "good", "bad", "the", "rare", "unseen"});
  return vocabulary;
}

/// Occurrences (label 0, label 1): good 1, 5; bad 4, 0; the 2, 2; rare 0, 1. Lengths without [CLS]: 4, 3, 8,
/// and one text of nothing.
PackedBatch small_corpus() {
  PackedBatch corpus;
  corpus.add(Text{kSpecial, kGood, kGood, kThe, kGood}, 1);
  corpus.add(Text{kBad, kBad, kThe}, 0);
  corpus.add(Text{kGood, kThe, kGood, kRare}, 1);
  corpus.add(Text{kBad, kGood, kBad, kThe}, 0);
  corpus.add(Text{kSpecial}, 0);
  return corpus;
}

UnigramClasses small_source(const UnigramOptions& options = {}, std::uint64_t seed = 0) {
  return {small_corpus(), small_vocabulary(), [](TokenId id) { return id == kSpecial; }, options, seed};
}

}  // namespace

TEST_CASE("unigram classes: weights of a small corpus by hand") {
  const UnigramClasses source = small_source({.smoothing = 1});
  CHECK(source.tokens() == Text{kGood, kBad, kThe, kRare});
  // Totals with one more for each of four tokens: 7 + 4 = 11 of label 0, 8 + 4 = 12 of label 1.
  CHECK(relative_error(source.weight(kGood), std::log((6.0 / 12) / (2.0 / 11))) < 1e-14);
  CHECK(relative_error(source.weight(kBad), std::log((1.0 / 12) / (5.0 / 11))) < 1e-14);
  CHECK(relative_error(source.weight(kThe), std::log((3.0 / 12) / (3.0 / 11))) < 1e-14);
  CHECK(relative_error(source.log_odds(Text{kGood, kBad, kGood}),
                       2 * std::log(33.0 / 12) + std::log(11.0 / 60)) < 1e-14);
  CHECK(source.log_odds({}) == 0);
  // Without "rare", and smoothed with 20: 7 + 60 and 7 + 60.
  const UnigramClasses common = small_source({.min_count = 2});
  CHECK(common.tokens() == Text{kGood, kBad, kThe});
  CHECK(relative_error(common.weight(kBad), std::log(20.0 / 24)) < 1e-14);
}

TEST_CASE("unigram classes: labels, lengths and tokens come as often as they should") {
  const UnigramClasses source = small_source({.smoothing = 1});
  constexpr Index kTexts = 20'000;
  std::map<Index, double> lengths;
  std::map<TokenId, double> occurrences[2];
  double labels[2] = {}, tokens[2] = {};
  SyntheticText drawn;
  for (Index i = 0; i < kTexts; ++i) {
    source.get(i, drawn);
    ++labels[drawn.label];
    ++lengths[std::ssize(drawn.tokens)];
    for (const TokenId id : drawn.tokens) ++occurrences[drawn.label][id];
    tokens[drawn.label] += static_cast<double>(drawn.tokens.size());
  }
  const auto check = [](double found, double n, double p) {
    CHECK(std::abs(found - n * p) < 4 * std::sqrt(n * p * (1 - p)));
  };
  check(labels[1], kTexts, .5);
  CHECK(lengths.size() == 2);
  check(lengths[3], kTexts, .25);  // one of four texts; the others have 4 tokens
  const double want[2][5] = {{0, 2, 5, 3, 1}, {0, 6, 1, 3, 2}};  // of 11 and 12
  for (const int label : {0, 1}) {
    CHECK(occurrences[label].size() == 4);
    for (const TokenId id : {kGood, kBad, kThe, kRare})
      check(occurrences[label][id], tokens[label], want[label][id] / (11 + label));
  }
}

TEST_CASE("unigram classes: the log-odds of a drawn text are the sum over its tokens, and true") {
  const UnigramClasses source = small_source({.smoothing = 1}, 3);
  SyntheticText drawn;
  double excess = 0, variance = 0;
  for (Index i = 0; i < 5'000; ++i) {
    source.get(i, drawn);
    double sum = 0;
    for (const TokenId id : drawn.tokens) sum += source.weight(id);
    CHECK(drawn.log_odds == sum);
    CHECK(drawn.log_odds == source.log_odds(drawn.tokens));
    // How often label 1 comes with clear log-odds, signs turned to positive.
    const double p = 1 / (1 + std::exp(-std::abs(sum)));
    excess += ((sum > 0) == (drawn.label == 1)) - p;
    variance += p * (1 - p);
  }
  CHECK(std::abs(excess) < 4 * std::sqrt(variance));
}

TEST_CASE("unigram classes: text i depends on the seed and i alone") {
  const UnigramClasses source = small_source({}, 7), same = small_source({}, 7), other = small_source({}, 8);
  const auto texts = [](const UnigramClasses& from, std::initializer_list<Index> numbers) {
    std::vector<TokenId> all;
    SyntheticText drawn;
    for (const Index i : numbers) {
      from.get(i, drawn);
      all.insert(all.end(), drawn.tokens.begin(), drawn.tokens.end());
      all.push_back(-drawn.label);
    }
    return all;
  };
  CHECK(texts(source, {0, 1, 2, 3}) == texts(same, {0, 1, 2, 3}));
  const std::vector<TokenId> backwards = texts(same, {3, 2});
  CHECK(texts(source, {3}) == std::vector(backwards.begin(), backwards.end() - std::ssize(texts(same, {2}))));
  CHECK(texts(source, {0, 1, 2, 3}) != texts(other, {0, 1, 2, 3}));
}

TEST_CASE("unigram classes: lengths are bounded") {
  const UnigramClasses source = small_source({.longest = 3});
  SyntheticText drawn;
  for (Index i = 0; i < 100; ++i) {
    source.get(i, drawn);
    CHECK(drawn.tokens.size() == 3);
  }
}

TEST_CASE("unigram classes: they train a model as fresh texts, and stay off the heap") {
  const UnigramClasses source = small_source();
  FreshTexts fresh(source, usual_special_tokens(source.vocabulary()), 100);
  PackedBatch batch;
  fresh.fill(2, 5, 3, batch);
  SyntheticText drawn;
  for (Index b = 0; b < 3; ++b) {
    source.get(205 + b, drawn);
    CHECK(batch.text(b)[0] == kSpecial);
    CHECK(Text(batch.text(b).begin() + 1, batch.text(b).end()) == drawn.tokens);
    CHECK(batch.labels[static_cast<std::size_t>(b)] == drawn.label);
  }
  for (Index i = 0; i < 50; ++i) source.get(i, drawn);
  const std::size_t before = test::allocations();
  for (Index i = 0; i < 1000; ++i) source.get(i, drawn);
  CHECK(test::allocations() == before);
}

TEST_CASE("unigram classes: what is refused") {
  CHECK_THROWS_WITH_AS(small_source({.smoothing = 0}),
                       "[unigram classes] smoothing is 0, wanted a positive number", Error);
  CHECK_THROWS_AS(small_source({.smoothing = NAN}), Error);
  CHECK_THROWS_WITH_AS(small_source({.min_count = 0}), "[unigram classes] min_count is 0, wanted 1 or more",
                       Error);
  CHECK_THROWS_WITH_AS(small_source({.longest = 0}), "[unigram classes] longest is 0, wanted 1 or more",
                       Error);
  CHECK_THROWS_WITH_AS(small_source({.min_count = 9}),
                       "[unigram classes] no token occurs 9 times or more in 4 texts, wanted one", Error);
  CHECK_THROWS_WITH_AS(small_source().weight(5), "[unigram classes] token 5 is never drawn", Error);
  CHECK_THROWS_AS(small_source().log_odds(Text{kGood, kSpecial}), Error);
  const auto source_of = [](const Text& text, int label) {
    PackedBatch corpus;
    corpus.add(text, label);
    UnigramClasses(
        corpus, small_vocabulary(), [](TokenId) { return false; }, {}, 0);
  };
  CHECK_THROWS_WITH_AS(source_of({1}, 2), "[unigram classes] text 0 has label 2, wanted 0 or 1", Error);
  CHECK_THROWS_WITH_AS(source_of({1, 6}, 0), "[unigram classes] text 0 has id 6, the vocabulary has 6",
                       Error);
}
