#include "slalom/surrogate/linear.hpp"

#include <cmath>
#include <limits>

#include "slalom/base/error.hpp"
#include "slalom/kernels/least_squares.hpp"

namespace slalom {

namespace {

// √w (counts − mean) (n, K) and √w (target − mean) (n): the intercept drops out.
struct CentredDesign {
  std::vector<double> counts, target;
  std::vector<double> mean_count;  // (K)
  double mean_target = 0;
};

CentredDesign centred_design(const Sample& sample) {
  const Index n = sample.texts(), K = sample.tokens;
  CentredDesign design{std::vector<double>(n * K), sample.target, std::vector<double>(K)};
  double total = 0;
  for (Index i = 0; i < n; ++i) {
    const double w = sample.weight_of(i);
    for (const Sample::Token k : sample.text(i)) {
      ++design.counts[i * K + k];
      design.mean_count[k] += w;
    }
    design.mean_target += w * sample.target[i];
    total += w;
  }
  for (double& mean : design.mean_count) mean /= total;
  design.mean_target /= total;
  // A count that never changes may differ from its mean by a rounding error; alone in the design, that error
  // would have rank 1.
  std::vector<bool> varies(K);
  for (Index i = 1; i < n; ++i)
    for (Index k = 0; k < K; ++k)
      if (design.counts[i * K + k] != design.counts[k]) varies[k] = true;
  for (Index i = 0; i < n; ++i) {
    const double root = std::sqrt(sample.weight_of(i));
    design.target[i] = root * (design.target[i] - design.mean_target);
    for (Index k = 0; k < K; ++k) {
      double& x = design.counts[i * K + k];
      x = varies[k] ? root * (x - design.mean_count[k]) : 0;
    }
  }
  return design;
}

}  // namespace

double LinearModel::predict(std::span<const Sample::Token> text) const {
  double sum = intercept;
  for (const Sample::Token k : text) sum += weight[k];
  return sum;
}

LinearFit fit_linear(const Sample& sample) {
  sample.check();
  if (sample.texts() > kMostDesignEntries / std::max<Index>(1, sample.tokens))
    throw Error(concat("[linear] ", sample.texts(), " texts by ", sample.tokens, " columns, wanted at most ",
                       kMostDesignEntries, " entries"));
  const CentredDesign design = centred_design(sample);
  const LeastSquares solved =
      minimum_norm_least_squares(sample.texts(), sample.tokens, design.counts, design.target);
  LinearFit fit{{design.mean_target, solved.solution}, {}, solved.rank};
  for (Index k = 0; k < sample.tokens; ++k) fit.model.intercept -= design.mean_count[k] * fit.model.weight[k];

  const std::vector<double> predicted = predict(fit.model, sample);
  double squares = 0;
  for (Index i = 0; i < sample.texts(); ++i) {
    const double residual = sample.target[i] - predicted[i];
    squares += sample.weight_of(i) * residual * residual;
  }
  const Index freedom = sample.texts() - solved.rank - 1;
  const double variance =
      freedom > 0 ? squares / static_cast<double>(freedom) : std::numeric_limits<double>::quiet_NaN();
  for (const double v : solved.variance) fit.weight_se.push_back(std::sqrt(variance * v));
  return fit;
}

}  // namespace slalom
