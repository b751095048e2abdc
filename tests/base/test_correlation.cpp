#include "slalom/base/correlation.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "../support/compare.hpp"
#include "../support/random_values.hpp"
#include "slalom/base/error.hpp"

using namespace slalom;
using test::relative_error;

namespace {

using Numbers = std::vector<double>;

}  // namespace

TEST_CASE("ranks: from 1, ties share the mean") {
  CHECK(ranks(Numbers{0.3, -1, 7}) == Numbers{2, 1, 3});
  CHECK(ranks(Numbers{5, 1, 5, 5, 0}) == Numbers{4, 2, 4, 4, 1});  // (3 + 4 + 5) / 3
  CHECK(ranks(Numbers{2, 2}) == Numbers{1.5, 1.5});
  CHECK(ranks({}).empty());
}

// x − 2.5 = −1.5, −.5, .5, 1.5 and y − 2.5 = −1.5, .5, −.5, 1.5: 2.25 − .25 − .25 + 2.25 = 4, squares 5
// and 5.
TEST_CASE("Pearson: a value by hand, scale and shift do not matter") {
  const Numbers x = {1, 2, 3, 4}, y = {1, 3, 2, 4};
  CHECK(relative_error(pearson(x, y), 0.8) < 1e-15);
  CHECK(relative_error(pearson(x, Numbers{1e-200, 3e-200, 2e-200, 4e-200}), 0.8) < 1e-14);
  CHECK(relative_error(pearson(Numbers{1e300, -1e300, 0, 1e300}, Numbers{1, -1, 0, 1}), 1) < 1e-15);
  CHECK(pearson(x, Numbers{8, 6, 4, 2}) == -1);
}

// Ranks of y 1, 3, 2, 4: the value above. With a tie, x = 1, 2, 2 and y = 1, 2, 3: ranks 1, 2.5, 2.5 against
// 1, 2, 3: deviations −1, .5, .5 and −1, 0, 1: 1.5 / √(1.5 · 2).
TEST_CASE("Spearman: Pearson of the ranks") {
  CHECK(relative_error(spearman(Numbers{1, 2, 3, 4}, Numbers{-5, 8, 7, 1e9}), 0.8) < 1e-15);
  CHECK(relative_error(spearman(Numbers{1, 2, 2}, Numbers{1, 2, 3}), std::sqrt(0.75)) < 1e-15);
}

// 1, 2, 3, 4 against 1, 3, 2, 4: five pairs agree, one does not: 4 / 6. With a tie, x = 1, 2, 2 and
// y = 1, 2, 3: two agree, one is tied in x: 2 / √(2 · 3).
TEST_CASE("Kendall: agreeing less disagreeing pairs, corrected for ties") {
  CHECK(relative_error(kendall(Numbers{1, 2, 3, 4}, Numbers{1, 3, 2, 4}), 2.0 / 3) < 1e-15);
  CHECK(relative_error(kendall(Numbers{1, 2, 2}, Numbers{1, 2, 3}), 2 / std::sqrt(6.0)) < 1e-15);
  CHECK(kendall(Numbers{1, 2, 3}, Numbers{3, 2, 1}) == -1);
  CHECK(kendall(Numbers{4, 4, 5}, Numbers{4, 4, 5}) == 1);
}

// Positives .8, .5; negatives .5, .3, .9: .8 beats .5 and .3, .5 ties with .5 and beats .3: (2 + 1.5) / 6.
TEST_CASE("ROC-AUC: the chance that a positive scores above a negative") {
  CHECK(relative_error(roc_auc(Numbers{0.8, 0.5, 0.5, 0.3, 0.9}, {true, true, false, false, false}),
                       3.5 / 6) < 1e-15);
  CHECK(roc_auc(Numbers{1, 2, 3}, {false, true, true}) == 1);
  CHECK(roc_auc(Numbers{1, 2, 3}, {true, false, false}) == 0);
  CHECK(roc_auc(Numbers{7, 7, 7}, {true, false, true}) == 0.5);
}

TEST_CASE("ROC-AUC: agrees with counting all pairs") {
  Numbers scores = test::random_values<double>(80, 1);
  for (double& s : scores) s = std::round(2 * s);  // many ties
  std::vector<bool> positive;
  for (const double x : test::random_values<double>(80, 2)) positive.push_back(x > 0.4);
  double wins = 0, pairs = 0;
  for (std::size_t i = 0; i < 80; ++i)
    for (std::size_t j = 0; j < 80; ++j)
      if (positive[i] && !positive[j]) {
        ++pairs;
        wins += scores[i] > scores[j] ? 1 : scores[i] == scores[j] ? 0.5 : 0;
      }
  CHECK(relative_error(roc_auc(scores, positive), wins / pairs) < 1e-14);
}

TEST_CASE("correlation: undefined for fewer than two numbers and for constant lists") {
  for (const auto& measure : {pearson, spearman, kendall}) {
    CHECK(std::isnan(measure({}, {})));
    CHECK(std::isnan(measure(Numbers{1}, Numbers{2})));
    CHECK(std::isnan(measure(Numbers{0.1, 0.1, 0.1}, Numbers{1, 2, 3})));
    CHECK(std::isnan(measure(Numbers{1, 2, 3}, Numbers{0, 0, 0})));
  }
  CHECK(std::isnan(roc_auc(Numbers{1, 2}, {true, true})));
  CHECK(std::isnan(roc_auc(Numbers{1, 2}, {false, false})));
  CHECK(std::isnan(roc_auc({}, {})));
}

TEST_CASE("correlation: refuses unequal lengths and numbers that are none") {
  for (const auto& measure : {pearson, spearman, kendall}) {
    CHECK_THROWS_AS(measure(Numbers{1, 2}, Numbers{1}), Error);
    CHECK_THROWS_AS(measure(Numbers{1, NAN}, Numbers{1, 2}), Error);
    CHECK_THROWS_AS(measure(Numbers{1, 2}, Numbers{1, INFINITY}), Error);
  }
  CHECK_THROWS_AS(roc_auc(Numbers{1, 2}, {true}), Error);
  CHECK_THROWS_AS(roc_auc(Numbers{NAN, 2}, {true, false}), Error);
}
