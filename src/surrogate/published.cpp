#include "slalom/surrogate/published.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "slalom/base/error.hpp"
#include "slalom/kernels/least_squares.hpp"

namespace slalom {

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

/// Adam (Kingma and Ba 2015) with the defaults that the published code leaves as they are.
class Adam {
 public:
  Adam(std::size_t size, double rate) : rate_(rate), first_(size), second_(size) {}

  void begin_step() {
    power1_ *= kBeta1;
    power2_ *= kBeta2;
  }
  void update(std::size_t i, double gradient, double& parameter) {
    first_[i] = kBeta1 * first_[i] + (1 - kBeta1) * gradient;
    second_[i] = kBeta2 * second_[i] + (1 - kBeta2) * gradient * gradient;
    parameter -= rate_ * first_[i] / (1 - power1_) / (std::sqrt(second_[i] / (1 - power2_)) + kEpsilon);
  }

 private:
  static constexpr double kBeta1 = 0.9, kBeta2 = 0.999, kEpsilon = 1e-8;
  double rate_, power1_ = 1, power2_ = 1;
  std::vector<double> first_, second_;
};

SlalomFit begin_fit(const Sample& sample) {
  sample.check();
  if (!sample.weight.empty()) throw Error("[slalom] published fits are for samples without weights");
  for (Index i = 0; i < sample.texts(); ++i)
    if (sample.text(i).empty()) throw Error(concat("[slalom] text ", i, " is empty: there is no background"));
  SlalomFit fit;
  fit.model.value.assign(sample.tokens, 0);
  fit.model.importance.assign(sample.tokens, 0);
  fit.value_se.assign(sample.tokens, kNaN);
  fit.importance_se = fit.value_se;
  fit.background_se = {kNaN, kNaN};
  fit.chosen = "SLALOM";
  fit.cross_validated_mse = kNaN;
  fit.importance_deviation = fit.part_deviation = std::numeric_limits<double>::infinity();
  return fit;
}

/// α (of the distinct tokens of text i, copies together) at the model's importances.
void attention(const TokenCounts& counts, const SlalomModel& model, Index i, std::vector<double>& alpha) {
  const Index first = counts.begin[i], size = counts.begin[i + 1] - first;
  double highest = -INFINITY, total = 0;
  alpha.resize(size);
  for (Index j = 0; j < size; ++j) highest = std::max(highest, model.importance[counts.token[first + j]]);
  for (Index j = 0; j < size; ++j)
    total += alpha[j] =
        counts.count[first + j] * std::exp(model.importance[counts.token[first + j]] - highest);
  for (double& a : alpha) a /= total;
}

/// Adds the gradient of (F − target)² of text i.
void add_gradient(const Sample& sample, const TokenCounts& counts, const SlalomModel& model, Index i,
                  std::vector<double>& alpha, std::vector<double>& gradient) {
  attention(counts, model, i, alpha);
  const Sample::Token* token = counts.token.data() + counts.begin[i];
  double prediction = 0;
  for (std::size_t j = 0; j < alpha.size(); ++j) prediction += alpha[j] * model.value[token[j]];
  const double slope = 2 * (prediction - sample.target[i]);
  for (std::size_t j = 0; j < alpha.size(); ++j) {
    gradient[token[j]] += slope * alpha[j];
    gradient[sample.tokens + token[j]] += slope * alpha[j] * (model.value[token[j]] - prediction);
  }
}

/// Values by least squares at the model's importances; the mean squared error.
double solve_values(const Sample& sample, const TokenCounts& counts, SlalomModel& model) {
  std::vector<double> design(sample.texts() * sample.tokens), alpha;
  for (Index i = 0; i < sample.texts(); ++i) {
    attention(counts, model, i, alpha);
    for (std::size_t j = 0; j < alpha.size(); ++j)
      design[i * sample.tokens + counts.token[counts.begin[i] + j]] = alpha[j];
  }
  model.value = minimum_norm_least_squares(sample.texts(), sample.tokens, design, sample.target).solution;
  return mean_squared_error(sample, predict(model, sample));
}

/// (K, K) Σ over texts of the products of c_τ (v_τ − F): uᵀ G u is what importances e^s = u minimise.
std::vector<double> importance_products(const Sample& sample, const TokenCounts& counts,
                                        const SlalomModel& model) {
  std::vector<double> products(sample.tokens * sample.tokens), row;
  for (Index i = 0; i < sample.texts(); ++i) {
    const Index first = counts.begin[i], size = counts.begin[i + 1] - first;
    const Sample::Token* token = counts.token.data() + first;
    row.resize(size);
    for (Index j = 0; j < size; ++j)
      row[j] = counts.count[first + j] * (model.value[token[j]] - sample.target[i]);
    for (Index j = 0; j < size; ++j)
      for (Index k = 0; k < size; ++k) products[token[j] * sample.tokens + token[k]] += row[j] * row[k];
  }
  return products;
}

/// The step d, Σ d = 0, of the `free` ones of u to the minimum of uᵀ G u; λ is the slope that they then
/// share. A ridge below rounding keeps u where the outputs leave it open.
struct ImportanceStep {
  std::vector<double> step;
  double slope = 0;
};
ImportanceStep importance_step(Index K, const std::vector<double>& G, const std::vector<double>& gradient,
                               const std::vector<Index>& free) {
  const Index n = std::ssize(free);
  std::vector<double> matrix(n * n), ones(n, 1.0);
  ImportanceStep result{std::vector<double>(n), 0};
  double diagonal = 0;
  for (Index k = 0; k < K; ++k) diagonal += G[k * (K + 1)] / static_cast<double>(K);
  for (Index i = 0; i < n; ++i) result.step[i] = -gradient[free[i]];
  double ridge = 1e-12 * diagonal + std::numeric_limits<double>::min();
  const auto factorise = [&] {
    for (Index i = 0; i < n; ++i) {
      for (Index j = 0; j < n; ++j) matrix[i * n + j] = G[free[i] * K + free[j]];
      matrix[i * (n + 1)] += ridge;
    }
    return cholesky(n, matrix.data());
  };
  // Rounding of G may outweigh the first ridges. G is positive semidefinite: if it is finite, one suffices.
  for (; !factorise(); ridge *= 10)
    if (!std::isfinite(ridge)) throw Error("[slalom] log-odds are too large for products of importances");
  cholesky_solve(n, matrix.data(), result.step.data());
  cholesky_solve(n, matrix.data(), ones.data());
  result.slope = -std::accumulate(result.step.begin(), result.step.end(), 0.0) /
                 std::accumulate(ones.begin(), ones.end(), 0.0);
  for (Index i = 0; i < n; ++i) result.step[i] += result.slope * ones[i];
  return result;
}

/// The u of least uᵀ G u under Σ u = K, u ≥ 0, from u = 1: active sets. Counts its steps in `iterations`.
std::vector<double> least_importances(Index K, const std::vector<double>& G, Index& iterations) {
  std::vector<double> u(K, 1.0), gradient(K);
  std::vector<bool> at_zero(K);
  const auto update = [&] {
    for (Index i = 0; i < K; ++i)
      gradient[i] = std::inner_product(u.begin(), u.end(), G.begin() + i * K, 0.0);
  };
  update();
  const double tolerance = 1e-12 * std::ranges::max(gradient, {}, [](double g) { return std::abs(g); });
  for (; iterations < 10 * K; ++iterations) {
    std::vector<Index> free;
    for (Index k = 0; k < K; ++k)
      if (!at_zero[k]) free.push_back(k);
    const ImportanceStep to = importance_step(K, G, gradient, free);
    double length = 1;
    Index first = -1;  // that reaches 0
    for (std::size_t i = 0; i < free.size(); ++i)
      if (u[free[i]] + length * to.step[i] < 0) {
        length = u[free[i]] / -to.step[i];
        first = free[i];
      }
    for (std::size_t i = 0; i < free.size(); ++i) u[free[i]] += length * to.step[i];
    update();
    if (first >= 0) {
      u[first] = 0;
      at_zero[first] = true;
      continue;
    }
    Index most = -1;  // that the sum would gain most from
    for (Index k = 0; k < K; ++k)
      if (at_zero[k] && gradient[k] < to.slope - tolerance && (most < 0 || gradient[k] < gradient[most]))
        most = k;
    if (most < 0) break;
    at_zero[most] = false;
  }
  return u;
}

}  // namespace

SlalomFit fit_slalom_adam(const Sample& sample, const PublishedSettings& settings) {
  if (settings.batch < 1 || settings.epochs < 1)
    throw Error(concat("[slalom] batches of ", settings.batch, " in ", settings.epochs,
                       " epochs, wanted at least 1 of both"));
  SlalomFit fit = begin_fit(sample);
  const TokenCounts counts = count_tokens(sample);
  const Index n = sample.texts(), tokens = sample.tokens;
  Adam adam(2 * tokens, settings.rate);
  std::vector<double> alpha, gradient(2 * tokens);
  for (Index epoch = 0; epoch < settings.epochs; ++epoch)
    for (Index first = 0; first < n; first += settings.batch, ++fit.iterations) {
      std::fill(gradient.begin(), gradient.end(), 0.0);
      for (Index i = first; i < std::min(n, first + settings.batch); ++i)
        add_gradient(sample, counts, fit.model, i, alpha, gradient);
      adam.begin_step();
      for (Index k = 0; k < tokens; ++k) {
        adam.update(k, gradient[k], fit.model.value[k]);
        adam.update(tokens + k, gradient[tokens + k], fit.model.importance[k]);
      }
    }
  fit.mse = mean_squared_error(sample, predict(fit.model, sample));
  return fit;
}

SlalomFit fit_slalom_deletions(const Sample& sample) {
  SlalomFit fit = begin_fit(sample);
  const TokenCounts counts = count_tokens(sample);
  fit.mse = solve_values(sample, counts, fit.model);
  fit.converged = true;
  SlalomModel second = fit.model;
  const std::vector<double> u =
      least_importances(sample.tokens, importance_products(sample, counts, fit.model), fit.iterations);
  for (Index k = 0; k < sample.tokens; ++k)
    second.importance[k] = std::log(std::max(u[k], std::exp(-kImportanceBound)));
  const double mse = solve_values(sample, counts, second);
  if (mse < fit.mse) {
    fit.model = std::move(second);
    fit.mse = mse;
  } else {
    fit.chosen = "equal importances";
  }
  return fit;
}

std::vector<double> published_removal(const SlalomModel& model) {
  const double highest = std::ranges::max(model.importance);
  std::vector<double> alpha;
  double total = 0;
  for (const double s : model.importance) total += alpha.emplace_back(std::exp(s - highest));
  for (double& a : alpha) a /= total;
  const double F = std::inner_product(alpha.begin(), alpha.end(), model.value.begin(), 0.0);
  std::vector<double> removal;
  for (std::size_t k = 0; k < alpha.size(); ++k)
    removal.push_back(alpha[k] * (model.value[k] - F) / (1 - alpha[k]));
  return removal;
}

}  // namespace slalom
