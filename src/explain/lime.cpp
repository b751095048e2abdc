#include "slalom/explain/lime.hpp"

#include <cmath>
#include <numeric>

#include "slalom/explain/methods.hpp"
#include "slalom/explain/published.hpp"
#include "slalom/kernels/gemm.hpp"
#include "slalom/kernels/least_squares.hpp"

namespace slalom {

namespace {

constexpr double kKernelWidth = 25, kRidge = 1;

// Weighted means of a sample's n columns, and of the answers behind them: (n + 1).
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

// Σ w zᵀz (n + 1, n + 1) over the samples z = (x, y) − mean, in panels of rows.
std::vector<double> weighted_products(const Coalitions& x, const std::vector<double>& y,
                                      const std::vector<double>& weight, const std::vector<double>& mean) {
  constexpr Index kPanel = 1024;
  const Index n = x.players, columns = n + 1;
  std::vector<double> products(static_cast<std::size_t>(columns * columns)),
      panel(static_cast<std::size_t>(kPanel * columns));
  for (Index first = 0; first < x.size(); first += kPanel) {
    const Index height = std::min(kPanel, x.size() - first);
    for (Index i = 0; i < height; ++i) {
      double* row = panel.data() + i * columns;
      const double root = std::sqrt(weight[first + i]);
      for (Index j = 0; j < n; ++j) row[j] = root * (x.row(first + i)[j] - mean[j]);
      row[n] = root * (y[first + i] - mean[n]);
    }
    gemm<double>(columns, columns, height, {panel.data(), columns, Layout::transposed},
                 {panel.data(), columns}, 1.0, products.data(), columns);
  }
  return products;
}

}  // namespace

Coalitions lime_samples(Index words, Index most, Index count, std::uint64_t seed) {
  Rng rng(seed, Purpose::query);
  Coalitions samples{words, {}};
  samples.add(1);
  std::vector<Index> order(static_cast<std::size_t>(words));
  std::iota(order.begin(), order.end(), Index{0});
  while (most > 0 && samples.size() < count) {
    const std::span<std::uint8_t> kept = samples.add(1);
    const Index k = 1 + Index{rng.below(static_cast<std::uint32_t>(most))};
    for (Index j = 0; j < k; ++j) {  // the first k places of a Fisher-Yates shuffle
      std::swap(order[j], order[j + Index{rng.below(static_cast<std::uint32_t>(words - j))}]);
      kept[order[j]] = 0;
    }
  }
  return samples;
}

std::vector<double> lime_kernel(const Coalitions& samples) {
  std::vector<double> weight;
  for (Index i = 0; i < samples.size(); ++i) {
    const auto kept = static_cast<double>(std::ranges::count(samples.row(i), 1));
    const double d = 100 * (1 - std::sqrt(kept / static_cast<double>(samples.players)));
    weight.push_back(std::sqrt(std::exp(-d * d / (kKernelWidth * kKernelWidth))));
  }
  return weight;
}

LimeFit fit_lime(const Coalitions& x, const std::vector<double>& y, const std::vector<double>& weight) {
  const Index n = x.players;
  const std::vector<double> mean = weighted_means(x, y, weight),
                            products = weighted_products(x, y, weight, mean);
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

namespace {

void explain(BlackBox& f, const ExplainedText& text, const ExplainOptions& options, Explanation& result) {
  const bool may_be_empty = text.has_empty_text() || options.masking.replacement.has_value();
  const Coalitions samples =
      lime_samples(text.players(), text.players() - (may_be_empty ? 0 : 1), *options.budget, options.seed);
  const std::vector<double> answers = coalition_values(f, text, options.masking)(samples);
  const std::vector<double> weight = lime_kernel(samples);
  const LimeFit fit = fit_lime(samples, answers, weight);
  set_linear_scores(fit.weight, result);
  result.predict = [fit](std::span<const std::uint8_t> member) {
    return std::inner_product(member.begin(), member.end(), fit.weight.begin(), fit.intercept);
  };
  const double sum = std::accumulate(weight.begin(), weight.end(), 0.0),
               squares = std::inner_product(weight.begin(), weight.end(), weight.begin(), 0.0);
  result.checks.emplace_back("intercept", fit.intercept);
  result.checks.emplace_back("r2_fit", fit.r2);
  result.checks.emplace_back("effective_samples", sum * sum / squares);
  if (sum * sum / squares < static_cast<double>(text.players() + 1))
    result.warnings.push_back(slalom::concat("the kernel leaves ", sum * sum / squares,
                                             " effective samples for ", text.players(),
                                             " weights: the ridge decides"));
}

}  // namespace

Method lime() {
  return {"lime",
          "ridge regression on removals, those near the text weighing most",
          1000,
          {"budget", "absence"},
          explain,
          Asks::coalitions,
          published::lime,
          published::kSamples};
}

}  // namespace slalom
