// The penalised regression behind fit_slalom. In weights w_k = e^{s_k} and parts u_k
//   F(t) = (B v_0 + Σ_k c_k (w_k m + u_k + β g_k)) / (B + Σ_k c_k w_k),
// c_k the token's count, m the mean value, g the guide and β its factor, B the background's weight; the
// values are v_k = m + (u_k + β g_k) / w_k. A token that acts additively has weight 0 and an infinite value,
// but its part w_k (v_k − m) stays finite: that is why parts are penalised, and not values.
#pragma once

#include "slalom/surrogate/slalom.hpp"

namespace slalom::detail {

/// Texts as counts: (n, K) row-major, F of each (n), and its weight.
struct CountRows {
  Index texts = 0, tokens = 0;
  std::vector<double> count, target, weight;

  const double* row(Index i) const { return count.data() + i * tokens; }
  double length(Index i) const;
  /// The rows with the given numbers.
  CountRows subset(std::span<const Index> rows) const;
};
CountRows count_rows(const Sample& sample);

/// Places of the parameters in their vector: u (K), m, β with a guide, v_0 with a background, in which F is
/// linear; then s (K), and log B with a background.
struct SlalomParameters {
  Index tokens = 0;
  bool background = false;
  std::vector<double> guide;  // (K) or empty

  Index mean() const { return tokens; }
  Index factor() const { return tokens + 1; }
  Index background_value() const { return tokens + (guide.empty() ? 1 : 2); }
  Index linear() const { return background_value() + (background ? 1 : 0); }  // how many of them there are
  Index importance() const { return linear(); }
  Index log_background() const { return linear() + tokens; }
  Index size() const { return log_background() + (background ? 1 : 0); }
  bool is_importance(Index p) const { return p >= importance() && p < log_background(); }
};

/// F of each row at x, and if asked for its derivatives by the first `columns` parameters (n, columns).
std::vector<double> predict(const SlalomParameters& at, std::span<const double> x, const CountRows& rows,
                            std::vector<double>* derivatives = nullptr, Index columns = 0);
std::vector<double> residuals(const SlalomParameters& at, std::span<const double> x, const CountRows& rows);
/// Σ weight residual².
double sum_of_squares(const CountRows& rows, std::span<const double> residuals);
SlalomModel model_at(const SlalomParameters& at, std::span<const double> x);

/// λ_u of the parts, λ_s of the importances, κ of the supporting rows.
struct SlalomPenalties {
  double part = 0, importance = 0, support = 0;
};

/// Σ_rows weight (y − F)² + λ_u Σ u_k² + λ_s Σ s_k² + κ Σ_support (y − F)². The supporting rows say what is
/// believed of texts that were not queried.
struct SlalomRegression {
  SlalomParameters parameters;
  const CountRows* rows = nullptr;
  const CountRows* support = nullptr;                       // or none
  bool fixed_importance = false, fixed_background = false;  // its weight
};

struct SlalomDescent {
  std::vector<double> x;
  double objective = 0;
  Index iterations = 0;
  double gain = 1;  // of the last step, of the objective
};

/// Levenberg-Marquardt until a step gains less than `tolerance` of the objective. Importances are damped; the
/// others, in which F is linear, are solved for anew after every step (variable projection: Golub and Pereyra
/// 1973). Never ends above its start. Throws Error if interrupted.
SlalomDescent descend(const SlalomRegression& problem, const SlalomPenalties& penalties,
                      std::vector<double> start, Index iterations, double tolerance);

/// Of the linearised problem at x: a generalised inverse of H = JᵀWJ + penalties (size, size), 0 for what is
/// fixed; a basis of the directions along which nothing changes, (size) each; the residual sum of squares;
/// and how many parameters the rows determine, tr(H⁻¹ JᵀWJ).
struct SlalomCurvature {
  std::vector<double> inverse;
  std::vector<std::vector<double>> open;
  double residual = 0, freedom = 0;
};
SlalomCurvature curvature(const SlalomRegression& problem, const SlalomPenalties& penalties,
                          std::span<const double> x);

}  // namespace slalom::detail
