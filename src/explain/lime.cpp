#include "slalom/explain/lime.hpp"

#include <cmath>
#include <numeric>

#include "slalom/base/error.hpp"
#include "slalom/kernels/least_squares.hpp"

namespace slalom {

namespace {

constexpr double kKernelWidth = 25, kRidge = 1;

// Weighted means of a sample's n columns, and of the outputs behind them: (n + 1).
std::vector<double> weighted_means(const Coalitions& x, const std::vector<double>& y,
                                   const std::vector<double>& weight) {
  std::vector<double> mean(static_cast<std::size_t>(x.players + 1));
  const double total = std::accumulate(weight.begin(), weight.end(), 0.0);
  for (Index i = 0; i < x.size(); ++i) {
    for (Index j = 0; j < x.players; ++j) mean[j] += weight[i] * x.row(i)[j];
    mean[x.players] += weight[i] * y[i];
  }
  for (double& m : mean) m /= total;
  return mean;
}

}  // namespace

Coalitions lime_samples(Index words, Index most, Index count, std::uint64_t seed) {
  Rng rng(seed, Purpose::query);
  Coalitions samples{words, {}};
  samples.add(1);
  std::vector<Index> order = counted(words);
  while (most > 0 && samples.size() < count) {
    const Index k = 1 + Index{rng.below(static_cast<std::uint32_t>(most))};
    set_random(k, 0, rng, order, samples.add(1));
  }
  return samples;
}

std::vector<double> lime_kernel(const Coalitions& samples) {
  std::vector<double> weight;
  for (Index i = 0; i < samples.size(); ++i) {
    const auto kept = static_cast<double>(samples.players - samples.absent(i));
    const double d = 100 * (1 - std::sqrt(kept / static_cast<double>(samples.players)));
    weight.push_back(std::sqrt(std::exp(-d * d / (kKernelWidth * kKernelWidth))));
  }
  return weight;
}

// The intercept is not penalised: with x and y less their means under the kernel k it is 0, and the weights
// solve (Σ k x xᵀ + ridge I) w = Σ k x y.
LimeFit fit_lime(const Coalitions& x, const std::vector<double>& y, const std::vector<double>& weight) {
  const Index n = x.players;
  const std::vector<double> mean = weighted_means(x, y, weight),
                            products = weighted_gram(weight, n + 1, [&](Index i, double*row) {
                              for (Index j = 0; j < n; ++j) row[j] = x.row(i)[j] - mean[j];
                              row[n] = y[i] - mean[n];
                            });
  std::vector<double> normal(static_cast<std::size_t>(n * n));
  LimeFit fit{mean[n], std::vector<double>(static_cast<std::size_t>(n))};
  for (Index i = 0; i < n; ++i) {
    std::copy_n(products.data() + i * (n + 1), n, normal.data() + i * n);
    normal[i * n + i] += kRidge;
    fit.weight[i] = products[i * (n + 1) + n];
  }
  if (!cholesky(n, normal.data())) throw Error("[lime] the ridge regression has no solution");
  cholesky_solve(n, normal.data(), fit.weight.data());
  for (Index j = 0; j < n; ++j) fit.intercept -= mean[j] * fit.weight[j];
  double left = 0;
  for (Index i = 0; i < x.size(); ++i) {
    double residual = y[i] - fit.intercept;
    for (Index j = 0; j < n; ++j) residual -= x.row(i)[j] * fit.weight[j];
    left += weight[i] * residual * residual;
  }
  const double all = products.back();
  fit.r2 = all > 0 ? 1 - left / all : std::nan("");
  return fit;
}

}  // namespace slalom
