#include "slalom/surrogate/published.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "../support/compare.hpp"
#include "random_slalom.hpp"
#include "slalom/base/error.hpp"

using namespace slalom;
using test::random_sample;
using test::random_slalom;
using test::relative_error;
using Tokens = std::vector<Sample::Token>;

TEST_CASE("one Adam step moves every parameter that has a gradient by the rate") {
  Sample sample;  // the first step of Adam is rate · g / (|g| + ε)
  sample.tokens = 3;
  sample.add(Tokens{0, 1}, 2);
  sample.add(Tokens{1}, 1);
  const SlalomFit fit = fit_slalom_adam(sample, {0.01, 2, 1}, 7);
  CHECK(fit.iterations == 1);
  CHECK(relative_error(fit.model.value, std::vector<double>{0.01, 0.01, 0}) < 1e-7);
  CHECK(fit.model.importance == std::vector<double>(3));  // all values 0: importances have no gradient
}

TEST_CASE("two Adam steps agree with the arithmetic") {
  Sample sample;
  sample.tokens = 1;
  sample.add(Tokens{0}, 1);
  // F = v, g = 2 (v − 1). Step 1: g = −2, v = 0.1. Step 2: g = −1.8,
  // m = .9 · (−.2) + .1 · (−1.8) = −.36, m̂ = −.36 / .19; u = .999 · .004 + .001 · 3.24 = .007236, û = u /
  // .001999.
  const SlalomFit fit = fit_slalom_adam(sample, {0.1, 32, 2}, 7);
  const double step = 0.1 * (0.36 / 0.19) / std::sqrt(0.007236 / 0.001999);
  CHECK(relative_error(fit.model.value[0], 0.1 + step) < 1e-7);

  CHECK(relative_error(fit.mse, std::pow(0.9 - step, 2)) < 1e-6);
}

TEST_CASE("Adam comes near the least-squares optimum and never below it") {
  const Sample sample = random_sample(random_slalom(5, 0.7, false, 3), 2000, 12, 0.2, 3);
  const SlalomFit adam = fit_slalom_adam(sample, {5e-3, 32, 200}, 1), best = fit_slalom(sample);
  CHECK(adam.iterations == 200 * 63);
  CHECK(best.mse <= adam.mse);
  CHECK(adam.mse < 1.05 * best.mse);
  CHECK(std::isnan(adam.value_se[0]));
}

TEST_CASE("the published fit is a function of its seed") {
  const Sample sample = random_sample(random_slalom(4, 1, false, 4), 100, 5, 0.2, 4);
  const PublishedSettings settings{5e-3, 16, 3};
  const SlalomFit a = fit_slalom_adam(sample, settings, 1), b = fit_slalom_adam(sample, settings, 1),
                  c = fit_slalom_adam(sample, settings, 2);
  CHECK(a.model.value == b.model.value);
  CHECK(a.model.value != c.model.value);
}

TEST_CASE("alternating least squares recovers a SLALOM in many rounds, and one round is its start") {
  const SlalomModel truth = random_slalom(5, 0.5, false, 5);
  const Sample sample = random_sample(truth, 300, 5, 0, 5);
  const SlalomFit one = fit_slalom_alternating(sample), many = fit_slalom_alternating(sample, 100);
  CHECK(one.iterations == 1);
  CHECK(many.mse < one.mse);
}

TEST_CASE("alternating least squares finds the importances that go with the true values") {
  // Single tokens alone fix the values in the first half round; the pair then has odds (1 − .5) / (.5 + 1) =
  // 1/3.
  Sample sample;
  sample.tokens = 2;
  for (int i = 0; i < 100'000; i += 1000) {
    sample.add(Tokens{0}, 1);
    sample.add(Tokens{1}, -1);
  }
  sample.add(Tokens{0, 1}, 0.5);
  sample.weight.assign(sample.target.size(), 1e6);
  sample.weight.back() = 1e-6;
  const SlalomFit fit = fit_slalom_alternating(sample);
  CHECK(std::abs(fit.model.importance[0] - std::log(3.0) / 2) < 1e-3);
}

TEST_CASE("bad input to the published fits is refused") {
  Sample sample;
  sample.tokens = 1;
  CHECK_THROWS_AS(fit_slalom_adam(sample, kPublishedEff, 1), Error);
  sample.add(Tokens{}, 0);
  CHECK_THROWS_AS(fit_slalom_adam(sample, kPublishedEff, 1), Error);
  CHECK_THROWS_AS(fit_slalom_alternating(sample), Error);
  sample = {};
  sample.tokens = 1;
  sample.add(Tokens{0}, 0);
  CHECK_THROWS_AS(fit_slalom_adam(sample, {1e-3, 0, 1}, 1), Error);
}
