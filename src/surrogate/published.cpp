#include "slalom/surrogate/published.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "slalom/base/error.hpp"
#include "slalom/base/random.hpp"
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
  for (Index i = 0; i < sample.texts(); ++i)
    if (sample.text(i).empty()) throw Error(text("[slalom] text ", i, " is empty: there is no background"));
  SlalomFit fit;
  fit.model.value.assign(sample.tokens, 0);
  fit.model.importance.assign(sample.tokens, 0);
  fit.value_se.assign(sample.tokens, kNaN);
  fit.importance_se = fit.value_se;
  fit.background_se = {kNaN, kNaN};
  return fit;
}

/// Adds the gradient of factor · (F − target)² of text i; its tokens' weights c e^s are divided by their sum.
void add_gradient(const Sample& sample, const TokenCounts& counts, const SlalomModel& model, Index i,
                  double factor, std::vector<double>& alpha, std::vector<double>& gradient) {
  const Index first = counts.begin[i], size = counts.begin[i + 1] - first;
  const Sample::Token* token = counts.token.data() + first;
  alpha.resize(size);
  double highest = model.importance[token[0]], total = 0, prediction = 0;
  for (Index j = 1; j < size; ++j) highest = std::max(highest, model.importance[token[j]]);
  for (Index j = 0; j < size; ++j)
    total += alpha[j] = counts.count[first + j] * std::exp(model.importance[token[j]] - highest);
  for (Index j = 0; j < size; ++j) prediction += (alpha[j] /= total) * model.value[token[j]];
  const double slope = 2 * factor * (prediction - sample.target[i]);
  const Index tokens = sample.tokens;
  for (Index j = 0; j < size; ++j) {
    gradient[token[j]] += slope * alpha[j];
    gradient[tokens + token[j]] += slope * alpha[j] * (model.value[token[j]] - prediction);
  }
}

/// (n, K): √w α of each text, so that its product with the values is √w F.
std::vector<double> value_design(const Sample& sample, const TokenCounts& counts, const SlalomModel& model) {
  std::vector<double> design(sample.texts() * sample.tokens);
  for (Index i = 0; i < sample.texts(); ++i) {
    double total = 0;
    for (Index j = counts.begin[i]; j < counts.begin[i + 1]; ++j)
      total += counts.count[j] * std::exp(model.importance[counts.token[j]]);
    for (Index j = counts.begin[i]; j < counts.begin[i + 1]; ++j)
      design[i * sample.tokens + counts.token[j]] = std::sqrt(sample.weight_of(i)) * counts.count[j] *
                                                    std::exp(model.importance[counts.token[j]]) / total;
  }
  return design;
}

/// e^s is the u with Σ u = K that minimises Σ w (Σ_k c_k u_k (v_k − F))². With u = 1 + z − mean z this is a
/// linear least-squares problem in z.
void solve_importances(const Sample& sample, const TokenCounts& counts, SlalomModel& model) {
  const Index tokens = sample.tokens;
  std::vector<double> design(sample.texts() * tokens), right(sample.texts());
  for (Index i = 0; i < sample.texts(); ++i) {
    double* row = design.data() + i * tokens;
    for (Index j = counts.begin[i]; j < counts.begin[i + 1]; ++j)
      row[counts.token[j]] = std::sqrt(sample.weight_of(i)) * counts.count[j] *
                             (model.value[counts.token[j]] - sample.target[i]);
    const double sum = std::accumulate(row, row + tokens, 0.0);
    right[i] = -sum;
    for (Index k = 0; k < tokens; ++k) row[k] -= sum / static_cast<double>(tokens);
  }
  const std::vector<double> z = minimum_norm_least_squares(sample.texts(), tokens, design, right).solution;
  const double mean = std::accumulate(z.begin(), z.end(), 0.0) / static_cast<double>(tokens);
  for (Index k = 0; k < tokens; ++k)
    model.importance[k] = std::log(std::max(1 + z[k] - mean, std::exp(-kImportanceBound)));
  model.bound_importances();
}

}  // namespace

SlalomFit fit_slalom_adam(const Sample& sample, const PublishedSettings& settings, std::uint64_t seed) {
  if (settings.batch < 1 || settings.epochs < 0)
    throw Error(text("[slalom] batches of ", settings.batch, " in ", settings.epochs,
                     " epochs, wanted at least 1 and 0"));
  SlalomFit fit = begin_fit(sample);
  const TokenCounts counts = count_tokens(sample);
  const Index n = sample.texts(), tokens = sample.tokens;
  Adam adam(2 * tokens, settings.rate);
  std::vector<Index> order(n);
  std::iota(order.begin(), order.end(), Index{0});
  std::vector<double> alpha, gradient(2 * tokens);
  for (Index epoch = 0; epoch < settings.epochs; ++epoch) {
    Rng rng(seed, Purpose::optimiser, static_cast<std::uint64_t>(epoch));
    for (Index i = n; i > 1; --i) std::swap(order[i - 1], order[rng.below(static_cast<std::uint32_t>(i))]);
    for (Index start = 0; start < n; start += settings.batch, ++fit.iterations) {
      const Index last = std::min(n, start + settings.batch);
      std::fill(gradient.begin(), gradient.end(), 0.0);
      for (Index j = start; j < last; ++j)
        add_gradient(sample, counts, fit.model, order[j],
                     sample.weight_of(order[j]) / static_cast<double>(last - start), alpha, gradient);
      adam.begin_step();
      for (Index k = 0; k < tokens; ++k) {
        adam.update(k, gradient[k], fit.model.value[k]);
        adam.update(tokens + k, gradient[tokens + k], fit.model.importance[k]);
      }
    }
  }
  fit.model.centre();
  fit.mse = mean_squared_error(sample, predict(fit.model, sample));
  return fit;
}

SlalomFit fit_slalom_alternating(const Sample& sample, Index rounds) {
  SlalomFit fit = begin_fit(sample);
  const TokenCounts counts = count_tokens(sample);
  std::vector<double> right(sample.texts());
  for (Index i = 0; i < sample.texts(); ++i) right[i] = std::sqrt(sample.weight_of(i)) * sample.target[i];
  for (; fit.iterations < rounds; ++fit.iterations) {
    std::vector<double> design = value_design(sample, counts, fit.model);
    fit.model.value = minimum_norm_least_squares(sample.texts(), sample.tokens, design, right).solution;
    solve_importances(sample, counts, fit.model);
  }
  fit.mse = mean_squared_error(sample, predict(fit.model, sample));
  return fit;
}

}  // namespace slalom
