// The generalised additive model on tokens, g(t) = b + Σ_i w_i(t_i): a weight for each token at each position
// (paper, sections 2 and 6).
#pragma once

#include "slalom/surrogate/sample.hpp"

namespace slalom {

struct GamModel {
  double intercept = 0;
  Index positions = 0;         // P: of the longest text fitted; later positions weigh nothing
  Index tokens = 0;            // K
  std::vector<double> weight;  // (P, K); 0 where the token never stood there

  double predict(std::span<const Sample::Token> text) const;
};

struct GamFit {
  GamModel model;
  Index rank = 0;        // of the centred design matrix (least squares)
  Index iterations = 0;  // sweeps (Lasso)
  double gap = 0;        // duality gap / n (Lasso): the objective is at most this far from its minimum
};

/// The true (weighted) least-squares minimum; where it is not unique, the weights of smallest norm (the
/// intercept is free).
GamFit fit_gam(const Sample& sample);

/// The published settings: Lasso, ‖y − Xw − b‖² / (2n) + alpha ‖w‖₁ with a free intercept, by cyclic
/// coordinate descent until the duality gap is below tolerance · ‖y − mean‖² / n, after at most 10,000 sweeps
/// (`gap` tells). Throws Error for alpha ≤ 0 and for weighted samples.
GamFit fit_gam_lasso(const Sample& sample, double alpha = 0.01, double tolerance = 1e-8);

}  // namespace slalom
