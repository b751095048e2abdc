// The linear bag of words, g(t) = b + Σ_i w(t_i): least squares on token counts (paper, sections 2 and 6).
#pragma once

#include "slalom/surrogate/sample.hpp"

namespace slalom {

struct LinearModel {
  double intercept = 0;
  std::vector<double> weight;  // (K)

  double predict(std::span<const Sample::Token> text) const;
};

/// Of a dense design matrix: a gigabyte.
inline constexpr Index kMostDesignEntries = Index{1} << 27;

struct LinearFit {
  LinearModel model;
  std::vector<double> weight_se;  // (K) standard errors; NaN where the sample does not determine the weight
  Index rank = 0;                 // of the centred design matrix, at most K
};

/// The (weighted) least-squares minimum; where it is not unique, the one whose weights have the smallest norm
/// (the intercept is free). Throws Error as Sample::check() does, and for a design
/// larger than kMostDesignEntries.
LinearFit fit_linear(const Sample& sample);

}  // namespace slalom
