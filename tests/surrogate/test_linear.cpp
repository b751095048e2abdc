#include "slalom/surrogate/linear.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "../support/compare.hpp"
#include "slalom/base/error.hpp"
#include "slalom/base/random.hpp"

using namespace slalom;
using test::relative_error;

namespace {

using Text = std::vector<Sample::Token>;

// Texts of random length 0 … 12 with targets that are no function of the text.
Sample random_sample(Index texts, Index tokens, std::uint64_t seed) {
  Rng rng(seed, Purpose::test);
  Sample sample;
  sample.tokens = tokens;
  for (Index i = 0; i < texts; ++i) {
    Text text(rng.below(13));
    for (Sample::Token& k : text)
      k = static_cast<Sample::Token>(rng.below(static_cast<std::uint32_t>(tokens)));
    sample.add(text, rng.normal());
  }
  return sample;
}

// Largest |Σ_i w_i r_i x_ij| over the tokens and the constant: 0 at the minimum.
double steepest(const Sample& sample, const LinearModel& model) {
  std::vector<double> slope(sample.tokens + 1);
  const std::vector<double> predicted = predict(model, sample);
  for (Index i = 0; i < sample.texts(); ++i) {
    const double residual = sample.weight_of(i) * (sample.target[i] - predicted[i]);
    slope.back() += residual;
    for (const Sample::Token k : sample.text(i)) slope[k] += residual;
  }
  double worst = 0;
  for (const double s : slope) worst = std::max(worst, std::abs(s));
  return worst;
}

}  // namespace

// Counts 0, 1, 2, 3 of one token with F 1, 3, 5, 4: slope 5.5 / 5 = 1.1, intercept 3.25 − 1.65 = 1.6;
// residuals −.6, .3, 1.2, −.9, squares 2.7 on 2 degrees of freedom, so the variance of the slope is
// 1.35 / 5 = .27.
TEST_CASE("linear surrogate: a line through four texts") {
  Sample sample{1};
  sample.add(Text{}, 1);
  sample.add(Text{0}, 3);
  sample.add(Text{0, 0}, 5);
  sample.add(Text{0, 0, 0}, 4);
  const LinearFit fit = fit_linear(sample);
  CHECK(fit.rank == 1);
  CHECK(relative_error(fit.model.intercept, 1.6) < 1e-14);
  CHECK(relative_error(fit.model.weight, std::vector<double>{1.1}) < 1e-14);
  CHECK(relative_error(fit.weight_se, std::vector<double>{std::sqrt(0.27)}) < 1e-14);
  CHECK(relative_error(fit.model.predict(Text{0, 0, 0, 0}), 6) < 1e-14);
}

TEST_CASE("linear surrogate: recovers a linear bag of words") {
  Sample sample = random_sample(300, 6, 1);
  const LinearModel truth{-0.5, {1, -2, 0.25, 0, 3, -1}};
  sample.target = predict(truth, sample);
  const LinearFit fit = fit_linear(sample);
  CHECK(fit.rank == 6);
  CHECK(relative_error(fit.model.weight, truth.weight) < 1e-13);
  CHECK(relative_error(fit.model.intercept, truth.intercept) < 1e-12);
  for (const double se : fit.weight_se) CHECK(se < 1e-13);
}

TEST_CASE("linear surrogate: the weighted residual is orthogonal to every count") {
  Sample sample = random_sample(2000, 9, 2);
  for (Index i = 0; i < sample.texts(); ++i) sample.weight.push_back(1 + static_cast<double>(i % 5));
  const LinearFit fit = fit_linear(sample);
  CHECK(fit.rank == 9);
  CHECK(steepest(sample, fit.model) < 1e-9);
}

TEST_CASE("linear surrogate: a text of weight 2 counts as two texts") {
  Sample weighted = random_sample(30, 3, 3), repeated{3};
  weighted.weight.assign(30, 1);
  weighted.weight[4] = 2;
  for (Index i = 0; i < 30; ++i)
    for (int times = 0; times < static_cast<int>(weighted.weight[i]); ++times)
      repeated.add(weighted.text(i), weighted.target[i]);
  const LinearModel a = fit_linear(weighted).model, b = fit_linear(repeated).model;
  CHECK(relative_error(a.weight, b.weight) < 1e-12);
  CHECK(relative_error(a.intercept, b.intercept) < 1e-12);
}

// Texts of two tokens: the counts of tokens 0 and 1 sum to 2, so only w_0 − w_1 = 2 is determined. The
// weights of smallest norm are 1 and −1, and the middle text gives the intercept 2. Token 2 never occurs.
TEST_CASE(
    "linear surrogate: weights that the texts do not determine are the smallest, without standard error") {
  Sample sample{3};
  sample.add(Text{0, 0}, 4.5);
  sample.add(Text{0, 1}, 1);
  sample.add(Text{1, 0}, 2);
  sample.add(Text{1, 1}, 0.5);
  const LinearFit fit = fit_linear(sample);
  CHECK(fit.rank == 1);
  CHECK(relative_error(fit.model.weight, std::vector<double>{1, -1, 0}) < 1e-14);
  CHECK(relative_error(fit.model.intercept, 2) < 1e-14);
  for (const double se : fit.weight_se) CHECK(std::isnan(se));
}

TEST_CASE("linear surrogate: equal texts give their mean and no weight") {
  Sample sample{2};
  for (int i = 0; i < 3; ++i) sample.add(Text{0, 1, 1}, i);
  sample.weight = {0.1, 0.1, 0.4};
  const LinearFit fit = fit_linear(sample);
  CHECK(fit.rank == 0);
  CHECK(fit.model.weight == std::vector<double>{0, 0});
  CHECK(relative_error(fit.model.intercept, 1.5) < 1e-14);  // (.1 · 0 + .1 · 1 + .4 · 2) / .6
}

TEST_CASE("linear surrogate: as many texts as parameters leave no standard error") {
  Sample sample{1};
  sample.add(Text{}, 1);
  sample.add(Text{0}, 3);
  const LinearFit fit = fit_linear(sample);
  CHECK(relative_error(fit.model.weight, std::vector<double>{2}) < 1e-14);
  CHECK(std::isnan(fit.weight_se[0]));
}

TEST_CASE("linear surrogate: refuses samples that are none") {
  CHECK_THROWS_AS(fit_linear(Sample{2}), Error);
  Sample sample{1};
  sample.add(Text{1}, 0);
  CHECK_THROWS_AS(fit_linear(sample), Error);
}
