#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <set>
#include <string>
#include <utility>

#include "../support/compare.hpp"
#include "random_slalom.hpp"
#include "slalom/base/error.hpp"
#include "slalom/base/parallel.hpp"
#include "slalom/kernels/least_squares.hpp"
#include "slalom/surrogate/slalom_comparison.hpp"

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

/// Largest |∂ mean squared error / ∂ parameter| by central differences.
double largest_slope(const SlalomModel& model, const Sample& sample) {
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
    const double above = mse(moved, sample);
    *parameter = here - step;
    largest = std::max(largest, std::abs(above - mse(moved, sample)) / (2 * step));
    *parameter = here;
  }
  return largest;
}

SlalomOptions free_fit(bool background = false) {
  return {.background = background, .least_squares = true};
}

bool same_bits(const std::vector<double>& a, const std::vector<double>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(double)) == 0;  // NaN too
}
bool same_bits(const SlalomFit& a, const SlalomFit& b) {
  return same_bits(a.model.value, b.model.value) && same_bits(a.model.importance, b.model.importance) &&
         same_bits(a.value_se, b.value_se) && same_bits(a.importance_se, b.importance_se) && a.mse == b.mse;
}

}  // namespace

TEST_CASE("a fit recovers a SLALOM without noise, penalised or not") {
  for (const bool background : {false, true})
    for (std::uint64_t seed = 1; seed <= 4; ++seed) {
      const Index tokens = 3 + 4 * static_cast<Index>(seed);
      const SlalomModel truth = random_slalom(tokens, 1, background, seed);
      const SlalomFit fit = fit_slalom(random_sample(truth, 40 * tokens, 8, 0, seed),
                                       {.background = background, .least_squares = seed % 2 == 0});
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

TEST_CASE("derivatives of the predictions agree with finite differences") {
  const Sample sample = random_sample(random_slalom(6, 1, true, 11), 30, 9, 0.5, 11);
  const detail::CountRows rows = detail::count_rows(sample);
  Rng rng(11, Purpose::test);
  for (const bool background : {false, true})
    for (const bool guided : {false, true}) {
      detail::SlalomParameters at{6, background, {}};
      if (guided) at.guide = {1, -1, 0.5, 2, 0, -0.3};
      std::vector<double> x(static_cast<std::size_t>(at.size()));
      for (double& p : x) p = rng.normal();
      std::vector<double> derivatives;
      const std::vector<double> here = detail::predict(at, x, rows, &derivatives, at.size());
      CHECK(relative_error(here, predict(detail::model_at(at, x), sample)) < 1e-13);
      double worst = 0;
      for (Index p = 0; p < at.size(); ++p) {
        const double before = x[p], step = 1e-5;
        x[p] = before + step;
        const std::vector<double> above = detail::predict(at, x, rows);
        x[p] = before - step;
        const std::vector<double> below = detail::predict(at, x, rows);
        x[p] = before;
        for (Index i = 0; i < rows.texts; ++i)
          worst =
              std::max(worst, std::abs(derivatives[i * at.size() + p] - (above[i] - below[i]) / (2 * step)));
      }
      CHECK(worst < 1e-8);
    }
}

TEST_CASE("derivatives have the same bits wherever in memory the arrays lie") {
  constexpr std::size_t kPlaces = 1000;
  const detail::CountRows row{1, 4, {2, 1, 3, 1}, {0}, {1}};
  Rng rng(12, Purpose::test);
  std::vector<double> guide(4);
  for (double& g : guide) g = rng.normal();
  std::vector<detail::SlalomParameters> at;
  std::vector<std::vector<double>> derivatives;
  at.reserve(kPlaces);
  derivatives.reserve(kPlaces);
  // When the gaps of the heap are filled, what is asked for in turn lies side by side.
  for (std::size_t i = 0; i < kPlaces; ++i) {
    at.push_back({4, true, guide});
    derivatives.emplace_back(static_cast<std::size_t>(at[0].size()));
  }
  std::vector<double> x(static_cast<std::size_t>(at[0].size()));
  for (double& p : x) p = rng.normal();
  for (std::size_t i = 0; i < kPlaces; ++i) detail::predict(at[i], x, row, &derivatives[i], at[i].size());
  CHECK(std::ranges::count(derivatives, derivatives[0]) == kPlaces);
}

TEST_CASE("at the fitted point the squared error is flat") {
  for (const bool background : {false, true}) {
    const Sample sample = random_sample(random_slalom(6, 1, background, 21), 600, 8, 0.3, 21);
    const SlalomFit fit = fit_slalom(sample, free_fit(background));
    CHECK(fit.converged);
    CHECK(relative_error(fit.mse, mse(fit.model, sample)) < 1e-12);
    CHECK(largest_slope(fit.model, sample) < 1e-6);
    check_centred(fit.model);
  }
}

TEST_CASE("a fit that goes on from a model ends no worse, and stays where the model is exact") {
  for (std::uint64_t seed = 1; seed <= 6; ++seed)
    for (const bool background : {false, true}) {
      const SlalomModel truth = random_slalom(7, 2, background, seed);
      const Sample noisy = random_sample(truth, 150, 6, 0.5, seed),
                   exact = random_sample(truth, 40, 6, 0, seed);
      CHECK(fit_slalom(noisy, {.background = background, .start = truth}).mse < 1.01 * mse(truth, noisy));
      CHECK(fit_slalom(exact, {.background = background, .start = truth}).mse < 1e-16);
    }
}

TEST_CASE(
    "with a background least squares are never worse than plain SLALOM and than the affine bag of words") {
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
    const double with = fit_slalom(sample, free_fit(true)).mse;
    CHECK(with <= fit_slalom(sample, free_fit()).mse * (1 + 1e-6));
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
  for (const bool least_squares : {false, true}) {
    const SlalomFit fit = fit_slalom(sample, {.background = true, .least_squares = least_squares});
    CHECK(fit.mse < 1e-7);
    CHECK(fit.model.background->importance > 8);
    CHECK(fit_slalom(sample, {.least_squares = least_squares}).mse > 0.1);
  }
}

TEST_CASE("a plain truth needs no background") {
  const SlalomModel truth = random_slalom(5, 1, false, 42);
  const SlalomFit fit = fit_slalom(random_sample(truth, 200, 6, 0, 42), {.background = true});
  CHECK(fit.mse < 1e-16);
  CHECK(worst_difference(fit.model.value, truth.value) < 1e-6);
}

TEST_CASE("fixed importances leave the values to linear least squares") {
  const Sample sample = random_sample(random_slalom(5, 1, false, 51), 200, 6, 0.2, 51);
  const SlalomFit fit = fit_slalom(sample, {.fixed_importance = true, .least_squares = true});
  CHECK(fit.model.importance == std::vector<double>(5));
  CHECK(std::isnan(fit.importance_se[0]));
  std::vector<double> shares(200 * 5);  // F is the mean of the values: a linear model in the shares
  for (Index i = 0; i < 200; ++i)
    for (const auto k : sample.text(i)) shares[i * 5 + k] += 1.0 / static_cast<double>(sample.text(i).size());
  const auto solution = minimum_norm_least_squares(200, 5, shares, sample.target).solution;
  CHECK(relative_error(fit.model.value, solution) < 1e-9);

  const SlalomFit with =
      fit_slalom(sample, {.background = true, .fixed_importance = true, .least_squares = true});
  CHECK(with.model.importance == std::vector<double>(5));
  CHECK(with.mse <= fit.mse);
  CHECK(std::isfinite(with.background_se.importance));
}

TEST_CASE("a weight of two is a text twice") {
  const Sample sample = random_sample(random_slalom(5, 1, false, 61), 120, 6, 0.3, 61);
  Sample weighted = sample, repeated;
  repeated.tokens = sample.tokens;
  for (Index i = 0; i < sample.texts(); ++i) {
    weighted.weight.push_back(static_cast<double>(1 + i % 2));
    for (Index copy = 0; copy < 1 + i % 2; ++copy) repeated.add(sample.text(i), sample.target[i]);
  }
  const SlalomFit a = fit_slalom(weighted, free_fit()), b = fit_slalom(repeated, free_fit());
  CHECK(relative_error(a.mse, b.mse) < 1e-9);
  CHECK(worst_difference(a.model.value, b.model.value) < 1e-6);
  CHECK(worst_difference(a.model.importance, b.model.importance) < 1e-6);
}

TEST_CASE("a token that never occurs gets the mean value and a warning, and the importances stay centred") {
  const SlalomModel truth = random_slalom(4, 1, false, 71);
  Sample sample = random_sample(truth, 200, 6, 0.1, 71);
  sample.tokens = 6;
  const SlalomFit fit = fit_slalom(sample, {.text_counts = {1, 1, 1, 1, 0, 0}});
  CHECK(fit.model.value.size() == 6);
  for (const std::size_t k : {4, 5}) {
    CHECK(fit.model.value[k] == fit.model.value[9 - k]);
    CHECK(std::abs(fit.model.importance[k]) < 1e-12);
    CHECK(std::isnan(fit.value_se[k]));
    CHECK(std::isnan(fit.importance_se[k]));
    CHECK(std::isnan(fit.part_se[k]));
  }
  CHECK(std::isfinite(fit.value_se[3]));
  CHECK(std::isfinite(fit.part_se[3]));
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
  const SlalomFit fit = fit_slalom(sample, free_fit());
  CHECK(std::abs(fit.value_se[2] - 0.1 / std::sqrt(60.0)) < 0.002);
  CHECK(std::isnan(fit.importance_se[2]));
  CHECK(std::isfinite(fit.importance_se[0]));
  // Four numbers of four answers leave no residual.
  Sample exact;
  exact.tokens = 2;
  exact.add(Tokens{0}, 1);
  exact.add(Tokens{1}, -1);
  exact.add(Tokens{0, 1}, 0.5);
  const SlalomFit interpolation = fit_slalom(exact, free_fit());
  CHECK(interpolation.mse < 1e-20);
  CHECK(std::isnan(interpolation.value_se[0]));
  CHECK(std::abs(interpolation.model.importance[0] - std::log(3.0) / 2) < 1e-8);  // odds 1.5 / 0.5
}

TEST_CASE("standard errors match the spread of repeated fits") {
  for (const bool background : {false, true}) {
    SlalomModel truth = random_slalom(4, 0.7, background, 91);
    if (background) truth.background = Background{0.4, 0.3};
    const Index runs = 200, parameters = 12 + (background ? 2 : 0);
    SlalomOptions options = free_fit(background);
    options.text_counts = {1, 3, 0, 2};
    std::vector<double> sum(parameters), squares(parameters), variance(parameters);
    const Sample clean = random_sample(truth, 400, 5, 0, 91);
    Rng rng(92, Purpose::test);
    for (Index run = 0; run < runs; ++run) {
      Sample sample = clean;
      for (double& y : sample.target) y += 0.1 * rng.normal();
      const SlalomFit fit = fit_slalom(sample, options);
      std::vector<double> found = fit.model.value, error = fit.value_se;
      found.insert(found.end(), fit.model.importance.begin(), fit.model.importance.end());
      error.insert(error.end(), fit.importance_se.begin(), fit.importance_se.end());
      double weight = background ? std::exp(fit.model.background->importance) : 0;
      for (Index k = 0; k < 4; ++k) weight += options.text_counts[k] * std::exp(fit.model.importance[k]);
      for (Index k = 0; k < 4; ++k)
        found.push_back(std::exp(fit.model.importance[k]) * fit.model.value[k] / weight);
      error.insert(error.end(), fit.part_se.begin(), fit.part_se.end());
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

TEST_CASE("many texts leave the penalties no say: the fit is that of least squares") {
  for (const bool background : {false, true}) {
    const Sample sample = random_sample(random_slalom(8, 1, background, 111), 3000, 12, 0.4, 111);
    const SlalomFit free = fit_slalom(sample, free_fit(background)),
                    fit = fit_slalom(sample, {.background = background});
    CHECK(fit.mse < 1.001 * free.mse);
    for (std::size_t k = 0; k < 8; ++k)
      CHECK(std::abs(fit.model.value[k] - free.model.value[k]) < free.value_se[k]);
    CHECK(relative_error(fit.value_se, free.value_se) < 0.25);
  }
}

TEST_CASE("few texts: penalties predict other texts where least squares do not") {
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    const SlalomModel truth = random_slalom(40, 0.5, true, seed);
    const Sample sample = random_sample(truth, 90, 60, 0.05, seed),
                 fresh = random_sample(truth, 300, 60, 0, seed + 10);
    const SlalomFit free = fit_slalom(sample, free_fit(true)), fit = fit_slalom(sample, {.background = true});
    CHECK(mse(fit.model, fresh) < mse(free.model, fresh) / 2);
    CHECK(r_squared(fresh, predict(fit.model, fresh)) > 0.7);
  }
}

namespace {

/// Deletions of a text of 60 tokens, of any size or of up to ten tokens, with the log-odds of a model that
/// saturates at ±4, as a classifier of reviews does; `moved` is the effect of each token's new place.
Sample saturating_deletions(Index texts, bool any_size, double moved, std::uint64_t seed) {
  constexpr Index kLength = 60;
  Rng rng(seed, Purpose::test), weights(7, Purpose::test);
  std::vector<double> w(kLength), place(kLength * kLength);
  for (double& x : w) x = 0.8 * weights.normal();
  for (double& x : place) x = moved * weights.normal();
  Sample sample;
  sample.tokens = kLength;
  for (Index i = 0; i < texts; ++i) {
    std::vector<Sample::Token> order(kLength);
    std::iota(order.begin(), order.end(), 0);
    const Index removed = any_size ? rng.below(kLength) : 1 + rng.below(10);
    for (Index r = 0; r < removed; ++r)
      order.erase(order.begin() + rng.below(static_cast<std::uint32_t>(order.size())));
    double sum = 1;
    for (Index p = 0; p < std::ssize(order); ++p) sum += w[order[p]] + place[order[p] * kLength + p];
    sample.add(order, 4 * std::tanh(sum / 4));
  }
  return sample;
}

}  // namespace

TEST_CASE("a fit to deletions predicts as an additive fit does, and nothing far beyond what was answered") {
  for (const bool any_size : {false, true}) {
    double chosen = 0, additive = 0;
    for (std::uint64_t seed = 1; seed <= 6; ++seed) {
      const Sample asked = saturating_deletions(300, any_size, 0, seed),
                   fresh = saturating_deletions(1000, any_size, 0, seed + 100);
      const SlalomFit fit = fit_slalom(asked, {.background = true});
      chosen += mse(fit.model, fresh);
      additive += mse(fit_slalom(asked, {.background = true, .fixed_importance = true}).model, fresh);
      const auto [lowest, highest] = std::ranges::minmax(predict(fit.model, fresh));
      CHECK(lowest > -12);  // the answers lie within ±4
      CHECK(highest < 12);
    }
    CHECK(chosen < 1.2 * additive);
  }
}

TEST_CASE("what is chosen has the least cross-validated error, or is the additive limit") {
  for (const bool any_size : {false, true}) {
    const Sample sample = saturating_deletions(300, any_size, 0, 5);
    const SlalomOptions options{.background = true};
    detail::Comparison comparison(sample, options);
    comparison.compare();
    const detail::Candidate& best = comparison.best();
    std::set<std::string> names;
    for (const detail::Candidate& c : comparison.candidates()) {
      names.insert(c.name);
      CHECK((best.fixed_importance || best.error() <= c.error()));
    }
    // Least squares drive values of tokens that act additively far from any answer: they are left out.
    CHECK(names == std::set<std::string>{"linear", "equal importances", "SLALOM"});
    const SlalomFit fit = fit_slalom(sample, options);
    CHECK(fit.chosen == best.name);
    CHECK(fit.cross_validated_mse == best.error());
  }
}

TEST_CASE("effects of tokens' places are told from the tokens' own, and predict moved tokens") {
  const Sample asked = saturating_deletions(300, false, 0.3, 1),
               fresh = saturating_deletions(300, false, 0.3, 2);
  const SlalomFit without = fit_slalom(asked, {.background = true}),
                  with = fit_slalom(asked, {.background = true, .positions = true});
  CHECK(r_squared(fresh, predict(without.model, fresh)) < 0.6);
  REQUIRE(with.model.positions);
  CHECK(r_squared(fresh, predict(with.model, fresh)) > 0.85);
  // Where places make no difference none are fitted.
  const Sample still = saturating_deletions(300, false, 0, 1);
  const SlalomFit plain = fit_slalom(still, {.background = true, .positions = true});
  CHECK(mse(plain.model, still) < 1.05 * fit_slalom(still, {.background = true}).mse);
}

TEST_CASE("a guide: values shrink towards a factor times its scores") {
  const Index tokens = 60;
  Rng rng(3, Purpose::test);
  SlalomModel truth = random_slalom(tokens, 0, true, 3);
  std::vector<double> guide;
  for (double& v : truth.value) {
    guide.push_back(rng.normal());
    v = 0.5 + 3 * guide.back() + 0.3 * rng.normal();
  }
  truth.background = Background{0.2, 3};
  const Sample few = random_sample(truth, 30, 40, 0.01, 3), fresh = random_sample(truth, 300, 40, 0, 4);
  const SlalomFit guided = fit_slalom(few, {.background = true, .guide = guide}),
                  alone = fit_slalom(few, {.background = true});
  CHECK(r_squared(fresh, predict(guided.model, fresh)) > 0.95);
  CHECK(mse(guided.model, fresh) < mse(alone.model, fresh) / 4);
}

TEST_CASE("a fit has the same bits on any number of threads") {
  const int threads_before = threads();
  const Sample sparse = random_sample(random_slalom(10, 1, true, 101), 1500, 30, 0.2, 101),
               dense = random_sample(random_slalom(40, 1, true, 102), 200, 160, 0.05, 102);
  for (const Sample& sample : {sparse, dense}) {
    set_threads(1);
    const SlalomFit one = fit_slalom(sample, {.background = true});
    set_threads(2);
    const SlalomFit two = fit_slalom(sample, {.background = true});
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
    CHECK(std::abs(fit.model.importance[0]) < 1e-12);
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

TEST_CASE("a fit follows the scale of the log-odds, and those too large for it are refused by number") {
  const int threads_before = threads();
  Sample sample = random_sample(random_slalom(5, 1, true, 112), 60, 5, 0.3, 112);
  const SlalomFit small = fit_slalom(sample, {.background = true});
  const double scale = 0x1p430;  // 3e129
  for (double& y : sample.target) y *= scale;
  for (const int count : {1, 2}) {
    set_threads(count);
    const SlalomFit large = fit_slalom(sample, {.background = true});
    CHECK(large.chosen == small.chosen);
    for (std::size_t k = 0; k < 5; ++k)
      CHECK(relative_error(large.model.value[k] / scale, small.model.value[k]) < 1e-6);
    const double kept = std::exchange(sample.target[7], -1e308);
    CHECK_THROWS_WITH_AS(fit_slalom(sample, {.background = true}), doctest::Contains("text 7 is -1e+308"),
                         Error);
    sample.target[7] = kept;
    CHECK_THROWS_WITH_AS(
        fit_slalom(sample, {.background = true, .guide = std::vector<double>{0, 0, 1e308, 0, 0}}),
        doctest::Contains("token 2 is 1e+308"), Error);
    CHECK_NOTHROW(fit_slalom(sample, {.background = true}));
  }
  set_threads(threads_before);
}

TEST_CASE("importances that the sample drives apart stop at their bound, with a warning") {
  Sample sample;  // [0, 1] is worth more than token 0: token 0 weighs everything, and it still is not enough
  sample.tokens = 2;
  for (int i = 0; i < 5; ++i) {
    sample.add(Tokens{0}, 1);
    sample.add(Tokens{1}, 0);
    sample.add(Tokens{0, 1}, 1.5);
  }
  const SlalomFit fit = fit_slalom(sample, free_fit());
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
