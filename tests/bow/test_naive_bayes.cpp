#include "slalom/bow/naive_bayes.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "../support/compare.hpp"
#include "slalom/base/error.hpp"
#include "slalom/data/unigram_classes.hpp"
#include "slalom/explain/black_box.hpp"
#include "small_corpus.hpp"

using namespace slalom;
using test::all_but_zero;
using test::corpus_of;
using test::relative_error;
using test::Text;

namespace {

LabelledCounts three_counts() {
  return count_labelled_texts(test::three_reviews(), all_but_zero(5));
}

}  // namespace

TEST_CASE("naive Bayes: log-odds of three reviews by hand") {
  const LinearBag bayes = fit_naive_bayes(three_counts());
  // Occurrences (negative, positive): good 1, 2; bad 4, 0; the 1, 1; 4 is unseen. Totals with one more for
  // each of the four tokens: 6 + 4 = 10 and 3 + 4 = 7. Ratios: good (3/7)/(2/10) = 15/7, bad (1/7)/(5/10) =
  // 2/7, the (2/7)/(2/10) = 10/7, unseen (1/7)/(1/10) = 10/7; of the labels 1/2.
  CHECK(relative_error(bayes.value({}), std::log(1.0 / 2)) < 1e-14);
  CHECK(relative_error(bayes.value(Text{1}), std::log(15.0 / 14)) < 1e-13);
  CHECK(relative_error(bayes.value(Text{2, 1, 2}), std::log(60.0 / 686)) < 1e-14);  // 15 · 2 · 2 / (7³ · 2)
  CHECK(relative_error(bayes.value(Text{3}), std::log(5.0 / 7)) < 1e-14);
  CHECK(relative_error(bayes.value(Text{4}), std::log(5.0 / 7)) < 1e-14);
  CHECK(bayes.value(Text{0, 2, 0, 1, 2, 0}) == bayes.value(Text{1, 2, 2}));
}

TEST_CASE("naive Bayes: scores are smoothed with 20 occurrences") {
  const std::vector<double> scores = naive_bayes_scores(three_counts());
  CHECK(relative_error(scores, std::vector<double>{0, std::log(22.0 / 21), std::log(20.0 / 24), 0, 0}) <
        1e-14);
}

TEST_CASE("naive Bayes: a text's odds are the ratio of its probabilities, which sum to one over all tokens") {
  const Index V = 12;
  const PackedBatch corpus = test::random_corpus(100, V, 9, 3);
  const double smoothing = .7;
  const LabelledCounts counts = count_labelled_texts(corpus, all_but_zero(V));
  const LinearBag bayes = fit_naive_bayes(counts, smoothing);
  std::vector<double> probability[2];
  for (const std::size_t y : {0, 1}) {
    double total = 0, sum = 0;
    for (std::size_t k = 1; k < V; ++k) total += static_cast<double>(counts.occurrences[k][y]) + smoothing;
    for (std::size_t k = 0; k < V; ++k)
      probability[y].push_back((static_cast<double>(counts.occurrences[k][y]) + smoothing) / total);
    for (std::size_t k = 1; k < V; ++k) sum += probability[y][k];
    CHECK(relative_error(sum, 1) < 1e-14);
  }
  for (Index b = 0; b < 20; ++b) {
    double odds = static_cast<double>(counts.texts[1]) / static_cast<double>(counts.texts[0]);
    for (const TokenId id : corpus.text(b))
      if (id != 0)
        odds *= probability[1][static_cast<std::size_t>(id)] / probability[0][static_cast<std::size_t>(id)];
    CHECK(std::abs(bayes.value(corpus.text(b)) - std::log(odds)) < 1e-13);
  }
}

TEST_CASE("naive Bayes: as a black box it loses the weight of each token that is deleted") {
  const LinearBag bayes = fit_naive_bayes(three_counts());
  FunctionBlackBox f([&](std::span<const TokenId> text) { return bayes.value(text); });
  const Text text = {0, 1, 2, 3, 1};
  for (std::size_t i = 0; i < text.size(); ++i) {
    Text shorter = text;
    shorter.erase(shorter.begin() + static_cast<std::ptrdiff_t>(i));
    CHECK(std::abs(f.log_odds(text) - f.log_odds(shorter) - bayes.weight[static_cast<std::size_t>(text[i])]) <
          1e-14);
  }
}

TEST_CASE("naive Bayes: with equal smoothing it is the truth of texts drawn from the corpus' unigrams") {
  const PackedBatch corpus = test::random_corpus(60, 6, 9, 8);
  const Vocabulary vocabulary({"[CLS]", "a", "b", "c", "d", "e"});
  const UnigramClasses source(
      corpus, vocabulary, [](TokenId id) { return id == 0; }, {.smoothing = 3}, 1);
  REQUIRE(source.tokens().size() == 5);
  const LinearBag bayes = fit_naive_bayes(count_labelled_texts(corpus, all_but_zero(6)), 3);
  SyntheticText drawn;
  for (Index i = 0; i < 50; ++i) {
    source.get(i, drawn);
    CHECK(std::abs(bayes.value(drawn.tokens) - bayes.intercept - drawn.log_odds) < 1e-13);
  }
}

TEST_CASE("naive Bayes: what is refused") {
  CHECK_THROWS_WITH_AS(fit_naive_bayes(three_counts(), 0),
                       "[naive Bayes] smoothing is 0, wanted a positive number", Error);
  CHECK_THROWS_AS(fit_naive_bayes(three_counts(), NAN), Error);
  CHECK_THROWS_WITH_AS(fit_naive_bayes(count_labelled_texts(corpus_of({{{1}, 0}}), all_but_zero(5))),
                       "[naive Bayes] found no text of label 1, wanted one or more", Error);
  CHECK_THROWS_WITH_AS(fit_naive_bayes(three_counts()).value(Text{5}),
                       "[bag of words] found id 5, wanted 0 to 4", Error);
}
