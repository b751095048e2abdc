#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <string>

#include "../support/compare.hpp"
#include "random_slalom.hpp"
#include "slalom/base/error.hpp"
#include "slalom/kernels/least_squares.hpp"
#include "slalom/surrogate/slalom.hpp"
#include "slalom/surrogate/slalom_problem.hpp"

using namespace slalom;
using test::random_sample;
using test::random_slalom;
using test::relative_error;
using test::worst_difference;
using Tokens = std::vector<Sample::Token>;

namespace {

double mse(const SlalomModel& model, const Sample& sample) {
  return mean_squared_error(sample, predict(model, sample));
}

/// Mean squared error of least squares on counts, with intercept.
double linear_mse(const Sample& sample) {
  const Index columns = sample.tokens + 1;
  std::vector<double> design(sample.texts() * columns);
  for (Index i = 0; i < sample.texts(); ++i) {
    design[i * columns] = 1;
    for (const auto k : sample.text(i)) design[i * columns + 1 + k] += 1;
  }
  std::vector<double> copy = design, predicted(sample.texts());
  const std::vector<double> x =
      minimum_norm_least_squares(sample.texts(), columns, copy, sample.target).solution;
  for (Index i = 0; i < sample.texts(); ++i)
    for (Index j = 0; j < columns; ++j) predicted[i] += design[i * columns + j] * x[j];
  return mean_squared_error(sample, predicted);
}

void check_centred(const SlalomModel& model) {
  CHECK(std::abs(std::accumulate(model.importance.begin(), model.importance.end(), 0.0)) < 1e-9);
}

/// Mean squared error and ridge over the number of texts, in plain loops.
double objective(const SlalomModel& model, const Sample& sample, const SlalomRidge& ridge) {
  const double n = static_cast<double>(sample.texts()), K = static_cast<double>(model.value.size());
  const double centre = std::accumulate(sample.target.begin(), sample.target.end(), 0.0) / n,
               level = std::accumulate(model.importance.begin(), model.importance.end(), 0.0) / K;
  double sum = n * mse(model, sample);
  for (const double v : model.value) sum += ridge.values * (v - centre) * (v - centre);
  if (model.background)
    sum += ridge.values * (model.background->value - centre) * (model.background->value - centre);
  for (const double s : model.importance) sum += ridge.importances * (s - level) * (s - level);
  return sum / n;
}

/// Largest |∂ objective / ∂ parameter| by central differences.
double largest_slope(const SlalomModel& model, const Sample& sample, const SlalomRidge& ridge = {}) {
  SlalomModel moved = model;
  std::vector<double*> parameters;
  for (double& v : moved.value) parameters.push_back(&v);
  for (double& s : moved.importance) parameters.push_back(&s);
  if (moved.background) {
    parameters.push_back(&moved.background->value);
    parameters.push_back(&moved.background->importance);
  }
  double largest = 0;
  for (double* parameter : parameters) {
    const double here = *parameter, step = 1e-5;
    *parameter = here + step;
    const double above = objective(moved, sample, ridge);
    *parameter = here - step;
    largest = std::max(largest, std::abs(above - objective(moved, sample, ridge)) / (2 * step));
    *parameter = here;
  }
  return largest;
}

bool same_bits(const std::vector<double>& a, const std::vector<double>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(double)) == 0;  // NaN too
}
bool same_bits(const SlalomFit& a, const SlalomFit& b) {
  return same_bits(a.model.value, b.model.value) && same_bits(a.model.importance, b.model.importance) &&
         same_bits(a.value_se, b.value_se) && same_bits(a.importance_se, b.importance_se) && a.mse == b.mse;
}

}  // namespace

TEST_CASE("a fit recovers a SLALOM without noise") {
  for (const bool background : {false, true})
    for (std::uint64_t seed = 1; seed <= 4; ++seed) {
      const Index tokens = 3 + 4 * static_cast<Index>(seed);
      const SlalomModel truth = random_slalom(tokens, 1, background, seed);
      const SlalomFit fit =
          fit_slalom(random_sample(truth, 40 * tokens, 8, 0, seed), {.background = background});
      CHECK(fit.converged);
      CHECK(fit.mse < 1e-16);
      CHECK(worst_difference(fit.model.value, truth.value) < 1e-7);
      CHECK(worst_difference(fit.model.importance, truth.importance) < 1e-7);
      if (background) {
        CHECK(std::abs(fit.model.background->value - truth.background->value) < 1e-7);
        CHECK(std::abs(fit.model.background->importance - truth.background->importance) < 1e-7);
      }
    }
}

TEST_CASE("the normal equations agree with finite differences of the predictions, sparse and dense") {
  for (const Index tokens : {6, 40}) {  // short rows of few columns, and rows that fill many columns
    const SlalomModel model = random_slalom(tokens, 1, true, 11);
    Sample sample = random_sample(model, 30, tokens == 6 ? 4 : 160, 0.5, 11);
    sample.weight.assign(30, 1);
    sample.weight[3] = 2.5;
    const detail::SlalomProblem problem(sample, {.background = true}, false);
    detail::SlalomPoint point{model.value, model.importance};
    point.value.push_back(model.background->value);
    point.importance.push_back(model.background->importance);
    const auto normal = detail::normal_equations(problem, point, true);
    const Index size = 2 * tokens + 2;
    REQUIRE(normal.size() == size);
    const auto predictions = [&] {
      SlalomModel moved{{point.value.begin(), point.value.end() - 1},
                        {point.importance.begin(), point.importance.end() - 1},
                        Background{point.value.back(), point.importance.back()}};
      return predict(moved, sample);
    };
    std::vector<std::vector<double>> columns;
    for (Index p = 0; p < size; ++p) {
      double& x = p <= tokens ? point.value[p] : point.importance[p - tokens - 1];
      const double here = x, step = 1e-5;
      x = here + step;
      std::vector<double> above = predictions();
      x = here - step;
      const std::vector<double> below = predictions();
      x = here;
      for (std::size_t i = 0; i < above.size(); ++i) above[i] = (above[i] - below[i]) / (2 * step);
      columns.push_back(above);
    }
    const std::vector<double> here = predictions();
    double worst = 0;
    for (Index p = 0; p < size; ++p) {
      double gradient = 0;
      for (Index i = 0; i < 30; ++i)
        gradient += sample.weight_of(i) * columns[p][i] * (sample.target[i] - here[i]);
      worst = std::max(worst, std::abs(normal.gradient[p] - gradient));
      for (Index q = 0; q <= p; ++q) {
        double product = 0;
        for (Index i = 0; i < 30; ++i) product += sample.weight_of(i) * columns[p][i] * columns[q][i];
        worst = std::max(worst, std::abs(normal.matrix[p * size + q] - product));
      }
    }
    CHECK(worst < 1e-7);
  }
}

TEST_CASE("at the fitted point the squared error is flat") {
  for (const bool background : {false, true}) {
    const Sample sample = random_sample(random_slalom(6, 1, background, 21), 600, 8, 0.3, 21);
    const SlalomFit fit = fit_slalom(sample, {.background = background});
    CHECK(fit.converged);
    CHECK(relative_error(fit.mse, mse(fit.model, sample)) < 1e-12);
    CHECK(largest_slope(fit.model, sample) < 1e-6);
    check_centred(fit.model);
  }
}

TEST_CASE("a fit never ends above its start, nor above the truth it is given") {
  for (std::uint64_t seed = 1; seed <= 6; ++seed)
    for (const bool background : {false, true}) {
      const SlalomModel truth = random_slalom(7, 2, background, seed);
      const Sample sample = random_sample(truth, 150, 6, 0.5, seed);
      const SlalomModel other = random_slalom(7, 3, background, seed + 100);
      for (const SlalomModel& start : {truth, other})
        for (const Index iterations : {0, 1, 200}) {
          const SlalomFit fit =
              fit_slalom(sample, {.background = background, .max_iterations = iterations, .start = start});
          CHECK(fit.mse <= mse(start, sample) * (1 + 1e-12));
          CHECK(fit.mse <= fit.first_mse);
        }
    }
}

TEST_CASE("with a background a fit is never worse than plain SLALOM and than the affine bag of words") {
  Rng rng(31, Purpose::test);
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    const Index tokens = 2 + static_cast<Index>(seed);
    // SLALOM, linear and pure noise in turn.
    Sample sample = random_sample(random_slalom(tokens, 2, false, seed), 25 * tokens, 7, 0.4, seed);
    for (Index i = 0; i < sample.texts(); ++i) {
      if (seed % 3 == 0) sample.target[i] = rng.normal();
      if (seed % 3 != 1) continue;
      sample.target[i] = 0.3 * rng.normal() - 1;
      for (const auto k : sample.text(i)) sample.target[i] += std::sin(5.0 * k);
    }
    const double with = fit_slalom(sample, {.background = true}).mse;
    CHECK(with <= fit_slalom(sample).mse * (1 + 1e-9));
    CHECK(with <= linear_mse(sample) * (1 + 1e-6));
  }
}

TEST_CASE("an additive truth is reached through a heavy background") {
  Sample sample = random_sample(random_slalom(4, 1, false, 41), 300, 9, 0, 41);
  const std::vector<double> weight = {1, -0.5, 0.2, 0};
  for (Index i = 0; i < sample.texts(); ++i) {
    sample.target[i] = 0.7;
    for (const auto k : sample.text(i)) sample.target[i] += weight[k];
  }
  const SlalomFit fit = fit_slalom(sample, {.background = true});
  CHECK(fit.mse < 1e-10);
  CHECK(fit.model.background->importance > 10);
  CHECK(fit_slalom(sample).mse > 0.1);
}

TEST_CASE("a plain truth needs no background") {
  const SlalomModel truth = random_slalom(5, 1, false, 42);
  const SlalomFit fit = fit_slalom(random_sample(truth, 200, 6, 0, 42), {.background = true});
  CHECK(fit.mse < 1e-16);
  CHECK(worst_difference(fit.model.value, truth.value) < 1e-6);
}

TEST_CASE("fixed importances leave the values to linear least squares") {
  const Sample sample = random_sample(random_slalom(5, 1, false, 51), 200, 6, 0.2, 51);
  const SlalomFit fit = fit_slalom(sample, {.fixed_importance = true});
  CHECK(fit.model.importance == std::vector<double>(5));
  CHECK(std::isnan(fit.importance_se[0]));
  std::vector<double> shares(200 * 5);  // F is the mean of the values: a linear model in the shares
  for (Index i = 0; i < 200; ++i)
    for (const auto k : sample.text(i)) shares[i * 5 + k] += 1.0 / static_cast<double>(sample.text(i).size());
  const auto solution = minimum_norm_least_squares(200, 5, shares, sample.target).solution;
  CHECK(relative_error(fit.model.value, solution) < 1e-9);

  const SlalomFit with = fit_slalom(sample, {.background = true, .fixed_importance = true});
  CHECK(with.model.importance == std::vector<double>(5));
  CHECK(with.mse <= fit.mse);
  CHECK(std::isfinite(with.background_se.importance));
}

TEST_CASE("a weight of two is a text twice, a weight of none no text") {
  const Sample sample = random_sample(random_slalom(5, 1, false, 61), 120, 6, 0.3, 61);
  Sample weighted = sample, repeated;
  repeated.tokens = sample.tokens;
  for (Index i = 0; i < sample.texts(); ++i) {
    weighted.weight.push_back(static_cast<double>(i % 3));
    for (Index copy = 0; copy < i % 3; ++copy) repeated.add(sample.text(i), sample.target[i]);
  }
  const SlalomFit a = fit_slalom(weighted), b = fit_slalom(repeated);
  CHECK(relative_error(a.mse, b.mse) < 1e-12);
  CHECK(worst_difference(a.model.value, b.model.value) < 1e-6);
  CHECK(worst_difference(a.model.importance, b.model.importance) < 1e-6);
}

TEST_CASE("a token that never occurs gets 0 and a warning, and the importances stay centred") {
  const SlalomModel truth = random_slalom(4, 1, false, 71);
  Sample sample = random_sample(truth, 200, 6, 0.1, 71);
  sample.tokens = 6;
  const SlalomFit fit = fit_slalom(sample);
  CHECK(fit.model.value.size() == 6);
  for (const std::size_t k : {4, 5}) {
    CHECK(fit.model.value[k] == 0);
    CHECK(fit.model.importance[k] == 0);
    CHECK(std::isnan(fit.value_se[k]));
    CHECK(std::isnan(fit.importance_se[k]));
  }
  CHECK(std::isfinite(fit.value_se[3]));
  check_centred(fit.model);
  REQUIRE(fit.warnings.size() == 1);
  CHECK(fit.warnings[0].find("2 of 6 tokens never occur") != std::string::npos);
}

TEST_CASE("what the sample does not determine has no standard error") {
  Sample sample;  // token 2 stands alone only: its value is known, its importance is not
  sample.tokens = 3;
  Rng rng(81, Purpose::test);
  for (int i = 0; i < 60; ++i) {
    sample.add(Tokens{0}, 1 + 0.1 * rng.normal());
    sample.add(Tokens{1}, -1 + 0.1 * rng.normal());
    sample.add(Tokens{0, 1}, 0.5 + 0.1 * rng.normal());
    sample.add(Tokens{2}, 2 + 0.1 * rng.normal());
  }
  const SlalomFit fit = fit_slalom(sample);
  CHECK(std::abs(fit.value_se[2] - 0.1 / std::sqrt(60.0)) < 0.002);
  CHECK(std::isnan(fit.importance_se[2]));
  CHECK(std::isfinite(fit.importance_se[0]));
  // Four numbers of four answers leave no residual.
  Sample exact;
  exact.tokens = 2;
  exact.add(Tokens{0}, 1);
  exact.add(Tokens{1}, -1);
  exact.add(Tokens{0, 1}, 0.5);
  const SlalomFit interpolation = fit_slalom(exact);
  CHECK(interpolation.mse < 1e-20);
  CHECK(std::isnan(interpolation.value_se[0]));
  CHECK(std::abs(interpolation.model.importance[0] - std::log(3.0) / 2) < 1e-8);  // odds 1.5 / 0.5
}

TEST_CASE("standard errors match the spread of repeated fits") {
  for (const bool background : {false, true}) {
    SlalomModel truth = random_slalom(4, 0.7, background, 91);
    if (background) truth.background = Background{0.4, 0.3};
    const Index runs = 200, parameters = 8 + (background ? 2 : 0);
    std::vector<double> sum(parameters), squares(parameters), variance(parameters);
    const Sample clean = random_sample(truth, 400, 5, 0, 91);
    Rng rng(92, Purpose::test);
    for (Index run = 0; run < runs; ++run) {
      Sample sample = clean;
      for (double& y : sample.target) y += 0.1 * rng.normal();
      const SlalomFit fit = fit_slalom(sample, {.background = background, .start = truth});
      std::vector<double> found = fit.model.value, error = fit.value_se;
      found.insert(found.end(), fit.model.importance.begin(), fit.model.importance.end());
      error.insert(error.end(), fit.importance_se.begin(), fit.importance_se.end());
      if (background) {
        found.insert(found.end(), {fit.model.background->value, fit.model.background->importance});
        error.insert(error.end(), {fit.background_se.value, fit.background_se.importance});
      }
      for (Index p = 0; p < parameters; ++p) {
        sum[p] += found[p];
        squares[p] += found[p] * found[p];
        variance[p] += error[p] * error[p] / static_cast<double>(runs);
      }
    }
    for (Index p = 0; p < parameters; ++p) {
      const double mean = sum[p] / static_cast<double>(runs);
      const double spread = std::sqrt(squares[p] / static_cast<double>(runs) - mean * mean);
      CHECK(relative_error(std::sqrt(variance[p]), spread) < 0.17);  // 200 runs tell a spread to 5 %
    }
  }
}

TEST_CASE("a ridge: the fit ends where squared error and ridge together are least") {
  for (const bool background : {false, true}) {
    const Sample sample = random_sample(random_slalom(12, 1, background, 111), 60, 9, 0.5, 111);
    const SlalomRidge ridge{0.3, 2};
    const SlalomFit free = fit_slalom(sample, {.background = background}),
                    fit = fit_slalom(sample, {.background = background, .ridge = ridge, .tolerance = 1e-12});
    CHECK(fit.converged);
    CHECK(largest_slope(fit.model, sample, ridge) < 1e-6);
    CHECK(objective(fit.model, sample, ridge) < objective(free.model, sample, ridge));
    CHECK(fit.mse > free.mse);
    CHECK(relative_error(fit.mse, mse(fit.model, sample)) < 1e-12);
  }
}

TEST_CASE("a ridge: more numbers than texts are determined, and predict other texts of the same truth") {
  const SlalomModel truth = random_slalom(40, 0.5, true, 112);
  const Sample sample = random_sample(truth, 70, 60, 0.05, 112),
               fresh = random_sample(truth, 300, 60, 0, 113);
  const SlalomFit free = fit_slalom(sample, {.background = true}),
                  fit = fit_slalom(sample, {.background = true, .ridge = {0.01, 0.05}});
  CHECK(free.mse < 0.1 * 0.05 * 0.05);  // of the noise's variance
  CHECK(mse(fit.model, fresh) < mse(free.model, fresh) / 2);
  CHECK(r_squared(fresh, predict(fit.model, fresh)) > 0.8);
}

TEST_CASE("a fit has the same bits on any number of threads") {
  const int threads_before = threads();
  const Sample sparse = random_sample(random_slalom(10, 1, true, 101), 3000, 30, 0.2, 101),
               dense = random_sample(random_slalom(40, 1, true, 102), 600, 160, 0.05, 102);
  for (const Sample& sample : {sparse, dense}) {
    set_threads(1);
    const SlalomFit one = fit_slalom(sample, {.background = true, .max_iterations = 5});
    set_threads(2);
    const SlalomFit two = fit_slalom(sample, {.background = true, .max_iterations = 5});
    CHECK(same_bits(one, two));
  }
  set_threads(threads_before);
}

TEST_CASE("degenerate samples end in finite numbers") {
  Sample sample;
  sample.tokens = 1;
  sample.add(Tokens{0, 0}, 3);
  for (const bool background : {false, true}) {
    const SlalomFit fit = fit_slalom(sample, {.background = background});
    CHECK(fit.mse < 1e-20);
    CHECK(fit.model.importance[0] == 0);
    CHECK(std::isfinite(fit.model.value[0]));
  }
  sample = random_sample(random_slalom(5, 1, false, 111), 50, 4, 0, 111);
  std::fill(sample.target.begin(), sample.target.end(), 0.0);
  for (const bool background : {false, true}) {
    const SlalomFit fit = fit_slalom(sample, {.background = background});
    CHECK(fit.mse == 0);
    CHECK(worst_difference(fit.model.value, std::vector<double>(5)) == 0);
  }
  Sample empty;  // only the background speaks
  empty.tokens = 0;
  empty.add(Tokens{}, 1);
  empty.add(Tokens{}, 2);
  const SlalomFit fit = fit_slalom(empty, {.background = true});
  CHECK(relative_error(fit.model.background->value, 1.5) < 1e-9);
}

TEST_CASE("importances that the sample drives apart stop at their bound, with a warning") {
  Sample sample;  // [0, 1] is worth more than token 0: token 0 weighs everything, and it still is not enough
  sample.tokens = 2;
  for (int i = 0; i < 5; ++i) {
    sample.add(Tokens{0}, 1);
    sample.add(Tokens{1}, 0);
    sample.add(Tokens{0, 1}, 1.5);
  }
  const SlalomFit fit = fit_slalom(sample);
  CHECK(std::abs(fit.model.importance[0]) <= kImportanceBound + 1e-9);
  CHECK(std::isfinite(fit.model.value[0] + fit.model.value[1]));
  CHECK(relative_error(fit.mse, (2 * 0.25 * 0.25) / 3) < 1e-3);  // v_0 = 1.25 serves [0] and [0, 1] alike
}

TEST_CASE("bad input to a fit is refused") {
  Sample sample = random_sample(random_slalom(3, 1, false, 121), 20, 4, 0, 121);
  CHECK_THROWS_AS(fit_slalom(Sample{}), Error);
  CHECK_THROWS_AS(fit_slalom(sample, {.start = random_slalom(4, 1, false, 1)}), Error);
  CHECK_THROWS_AS(fit_slalom(sample, {.start = random_slalom(3, 1, true, 1)}), Error);
  SlalomModel start = random_slalom(3, 1, false, 1);
  start.value[1] = std::numeric_limits<double>::infinity();
  CHECK_THROWS_AS(fit_slalom(sample, {.start = start}), Error);
  sample.add(Tokens{}, 0);
  CHECK_THROWS_AS(fit_slalom(sample), Error);
  CHECK_NOTHROW(fit_slalom(sample, {.background = true}));
  Sample wide;
  wide.tokens = kMostSlalomParameters / 2 + 1;
  Tokens all(wide.tokens);
  std::iota(all.begin(), all.end(), 0);
  wide.add(all, 1);
  CHECK_THROWS_AS(fit_slalom(wide), Error);
}
