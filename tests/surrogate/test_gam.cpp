#include "slalom/surrogate/gam.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "../support/compare.hpp"
#include "../support/random_values.hpp"
#include "slalom/base/error.hpp"
#include "slalom/base/random.hpp"
#include "slalom/surrogate/linear.hpp"

using namespace slalom;
using test::relative_error;

namespace {

using Text = std::vector<Sample::Token>;

Sample random_sample(Index texts, Index tokens, std::uint32_t longest, std::uint64_t seed) {
  Rng rng(seed, Purpose::test);
  Sample sample;
  sample.tokens = tokens;
  for (Index i = 0; i < texts; ++i) {
    Text text(rng.below(longest + 1));
    double sum = 0;
    for (Sample::Token& k : text) {
      k = static_cast<Sample::Token>(rng.below(static_cast<std::uint32_t>(tokens)));
      sum += std::sin(static_cast<double>(k));
    }
    sample.add(text, std::tanh(sum) + 0.3 * rng.normal());
  }
  return sample;
}

double objective(const GamModel& model, const Sample& sample, double alpha) {
  double norm = 0;
  for (const double w : model.weight) norm += std::abs(w);
  return mean_squared_error(sample, predict(model, sample)) / 2 + alpha * norm;
}

// x_cᵀ r / n for each (position, token), columns centred, and whether it occurs at all and not everywhere.
struct Slopes {
  std::vector<double> slope;
  std::vector<bool> occurs;
};
Slopes slopes(const GamModel& model, const Sample& sample) {
  const double n = static_cast<double>(sample.texts());
  std::vector<double> sum(model.weight.size()), count(model.weight.size());
  const std::vector<double> predicted = predict(model, sample);
  double all = 0;
  for (Index i = 0; i < sample.texts(); ++i) {
    const double r = sample.target[i] - predicted[i];
    all += r;
    for (Index p = 0; p < std::ssize(sample.text(i)); ++p) {
      sum[p * model.tokens + sample.text(i)[p]] += r;
      ++count[p * model.tokens + sample.text(i)[p]];
    }
  }
  Slopes result;
  for (std::size_t c = 0; c < sum.size(); ++c) {
    result.slope.push_back((sum[c] - count[c] / n * all) / n);
    result.occurs.push_back(count[c] > 0);
  }
  return result;
}

// Position 0 holds 0 or 1, position 1 too: F = 4, 3, 1, 0 for 00, 01, 10, 11.
Sample factorial_sample() {
  Sample sample{2};
  sample.add(Text{0, 0}, 4);
  sample.add(Text{0, 1}, 3);
  sample.add(Text{1, 0}, 1);
  sample.add(Text{1, 1}, 0);
  return sample;
}

}  // namespace

// 4, 3, 1, 0 = 2 ± 1.5 (position 0) ± .5 (position 1): at each position the two weights differ by 3 and by 1,
// and of these the shortest are ± half of that.
TEST_CASE("GAM: a weight for each token at each position") {
  const GamFit fit = fit_gam(factorial_sample());
  CHECK(fit.rank == 2);
  CHECK(fit.model.positions == 2);
  CHECK(relative_error(fit.model.intercept, 2) < 1e-14);
  CHECK(relative_error(fit.model.weight, std::vector<double>{1.5, -1.5, 0.5, -0.5}) < 1e-14);
  CHECK(relative_error(fit.model.predict(Text{0}), 3.5) < 1e-14);
  CHECK(relative_error(fit.model.predict(Text{0, 0, 1}), 4) < 1e-14);  // beyond the positions known
}

TEST_CASE("GAM: reproduces a position-wise additive model") {
  Sample sample = random_sample(800, 4, 6, 1);
  const GamModel truth{0.7, 6, 4, test::random_values<double>(24, 2)};
  sample.target = predict(truth, sample);
  const GamFit fit = fit_gam(sample);
  CHECK(relative_error(predict(fit.model, sample), sample.target) < 1e-12);
}

TEST_CASE("GAM: is never worse than the linear bag of words, and leaves unseen places 0") {
  Sample sample = random_sample(300, 5, 8, 3);
  for (Index i = 0; i < sample.texts(); ++i) {
    sample.weight.push_back(1 + static_cast<double>(i % 3));
    if (!sample.text(i).empty()) sample.token[sample.begin[i]] = 4;  // the other four never stand first
  }
  const GamFit fit = fit_gam(sample);
  CHECK(mean_squared_error(sample, predict(fit.model, sample)) <
        mean_squared_error(sample, predict(fit_linear(sample).model, sample)));
  for (const Index k : {0, 1, 2, 3}) CHECK(fit.model.weight[k] == 0);
}

// A Lasso on ± ½ columns: alpha = .5 takes n alpha = 2 from the contrasts ½ (2 + 1 + 1 + 2) = 3 and
// ½ (2 − 1 − 1 + 2) = 1, whose squared norm is 4 · ¼ = 1: they become 1 and 0, predictions 2 ± .5.
TEST_CASE("GAM Lasso: soft thresholding of two positions") {
  const Sample sample = factorial_sample();
  const GamFit fit = fit_gam_lasso(sample, 0.5, 1e-14);
  CHECK(relative_error(predict(fit.model, sample), std::vector<double>{2.5, 2.5, 1.5, 1.5}) < 1e-12);
  CHECK(fit.model.weight[2] == 0);
  CHECK(fit.model.weight[3] == 0);
}

// One column 0, 0, 1, 1 and F 0, 0, 4, 4: xᵀy = 4 · ½ · 2 = 4, xᵀx = 1, w = 4 − 4 alpha, b = 2 − w / 2.
TEST_CASE("GAM Lasso: one column by hand, and none from alpha = 1 on") {
  Sample sample{1};
  for (const double y : {0.0, 0.0}) sample.add(Text{}, y);
  for (const double y : {4.0, 4.0}) sample.add(Text{0}, y);
  const GamFit fit = fit_gam_lasso(sample, 0.25);
  CHECK(relative_error(fit.model.weight, std::vector<double>{3}) < 1e-14);
  CHECK(relative_error(fit.model.intercept, 0.5) < 1e-14);
  for (const double alpha : {1.0, 50.0}) {
    const GamFit none = fit_gam_lasso(sample, alpha);
    CHECK(none.model.weight == std::vector<double>{0});
    CHECK(none.model.intercept == 2);
    CHECK(none.gap == 0);
  }
}

TEST_CASE("GAM Lasso: the conditions of optimality hold") {
  const Sample sample = random_sample(1500, 6, 7, 4);
  for (const double alpha : {0.002, 0.01, 0.03}) {
    const GamFit fit = fit_gam_lasso(sample, alpha, 1e-13);
    const Slopes at = slopes(fit.model, sample);
    Index active = 0;
    for (std::size_t c = 0; c < at.slope.size(); ++c) {
      const double w = fit.model.weight[c];
      CHECK(std::abs(at.slope[c]) < alpha + 1e-6);
      if (w != 0) CHECK(std::abs(at.slope[c] - std::copysign(alpha, w)) < 1e-6);
      if (!at.occurs[c]) CHECK(w == 0);
      active += w != 0;
    }
    CHECK(active > 0);
    CHECK(active < std::ssize(at.slope));
  }
}

TEST_CASE("GAM Lasso: no other weights are better than the reported gap") {
  const Sample sample = random_sample(400, 4, 5, 5);
  const double alpha = 0.01;
  const GamFit loose = fit_gam_lasso(sample, alpha, 1e-3), tight = fit_gam_lasso(sample, alpha, 1e-13);
  const double best = objective(tight.model, sample, alpha);
  CHECK(objective(loose.model, sample, alpha) - best <= loose.gap + 1e-14);
  CHECK(objective(loose.model, sample, alpha) >= best - 1e-14);
  CHECK(loose.gap <= 1e-3);
  CHECK(loose.iterations <= tight.iterations);
  Rng rng(6, Purpose::test);
  for (int trial = 0; trial < 200; ++trial) {
    GamModel other = tight.model;
    for (double& w : other.weight) w += 1e-3 * rng.normal();
    CHECK(objective(other, sample, alpha) > best - tight.gap - 1e-14);
  }
}

TEST_CASE("GAM Lasso: a vanishing penalty gives the least-squares predictions") {
  const Sample sample = random_sample(600, 3, 4, 7);
  const std::vector<double> want = predict(fit_gam(sample).model, sample);
  CHECK(relative_error(predict(fit_gam_lasso(sample, 1e-9, 1e-13).model, sample), want) < 1e-6);
}

TEST_CASE("GAM Lasso: refuses penalties that are none, and weights") {
  Sample sample = factorial_sample();
  for (const double alpha : {0.0, -1.0, std::nan(""), HUGE_VAL})
    CHECK_THROWS_AS(fit_gam_lasso(sample, alpha), Error);
  sample.weight = {1, 1, 1, 2};
  CHECK_THROWS_AS(fit_gam_lasso(sample), Error);
}

TEST_CASE("GAM: empty texts alone have an intercept and no weight") {
  Sample sample{3};
  for (const double y : {1.0, 2.0}) sample.add(Text{}, y);
  for (const GamFit& fit : {fit_gam(sample), fit_gam_lasso(sample)}) {
    CHECK(fit.model.positions == 0);
    CHECK(fit.model.weight.empty());
    CHECK(fit.model.predict(Text{0, 2}) == 1.5);
  }
}
