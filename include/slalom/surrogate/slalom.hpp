// SLALOM, the softmax-linked additive log-odds model (paper, section 5):
//   F(t) = Σ_i α_i v(t_i),  α = softmax(s(t_1) … s(t_n)),
// and with a background token of value v_0 and importance s_0, which stands for what [CLS], [SEP] or the
// read-out itself contributes:
//   F(t) = (e^{s_0} v_0 + Σ_i e^{s_i} v_i) / (e^{s_0} + Σ_i e^{s_i}).
#pragma once

#include <optional>
#include <string>

#include "slalom/surrogate/sample.hpp"

namespace slalom {

/// Importances are kept within ± this of their mean: e^40 to 1 is as good as a certain choice.
inline constexpr double kImportanceBound = 20;

/// A token that acts additively wants an ever larger value at an ever smaller importance, with e^s v
/// constant. A fit keeps values within so many times the range of its log-odds of their mean, if that costs
/// no more than this share of the squared error, or, where hardly any error is left, of the squared spread of
/// the log-odds; else it tries the next bound.
struct ValueBound {
  double ranges, cost, little;
};
inline constexpr ValueBound kValueBounds[] = {{20, 1e-3, 1e-6}, {200, 5e-3, 0}};

struct Background {
  double value = 0, importance = 0;
};

/// Values in nats of log-odds, importances dimensionless and defined up to one added constant, the
/// background's included.
struct SlalomModel {
  std::vector<double> value, importance;  // (K)
  std::optional<Background> background;

  /// Throws Error for an empty text without background.
  double predict(std::span<const Sample::Token> text) const;
  /// Adds the constant that makes Σ_τ s(τ) = 0 over the tokens; no prediction changes.
  void centre();
  /// Centres, and moves importances further than kImportanceBound from the mean to that distance. The
  /// background's is kept between −2 kImportanceBound (a background that no text notices) and
  /// kImportanceBound (next to which the model is the affine bag of words).
  void bound_importances();
};

std::vector<double> predict(const SlalomModel& model, const Sample& sample);

/// What is added to the squared error: values · Σ_k (v_k − mean of F)² + importances · Σ_k (s_k − mean of s)²
/// over the tokens, the background's value included, its importance left out. With σ² the variance of an
/// answer's noise and normal priors these are σ² over the priors' variances.
struct SlalomRidge {
  double values = 0, importances = 0;
};

struct SlalomOptions {
  bool background = false;
  bool fixed_importance =
      false;  // all importances 0, those of `start` too: only values and background are fitted
  SlalomRidge ridge{};
  Index max_iterations = 200;        // of one start
  double tolerance = 1e-8;           // relative decrease of the squared error at which it has converged
  std::optional<SlalomModel> start;  // a first guess, first put within the bounds; the result is never worse.
                                     // Without a background of its own it gets one that no text notices
};

/// Where a fit ended. Standard errors are those of the linearised model, from the residual variance; NaN
/// where the sample does not determine the number (a token that never occurs, no residual degree of freedom).
struct SlalomFit {
  SlalomModel model;                            // centred
  std::vector<double> value_se, importance_se;  // (K), of the centred importances
  Background background_se{};                   // NaN without background
  double first_mse = 0, mse = 0;                // of the best start (its ridge included) and of the result
  Index iterations = 0, starts = 0;
  bool converged = false;
  std::vector<std::string> warnings;  // tokens never seen, importances at their bound, no convergence …
};

/// Weighted least squares by Levenberg-Marquardt with the analytic Jacobian ∂F/∂v_k = α_k,
/// ∂F/∂s_k = α_k (v_k − F), from deterministic starts; the values, in which F is linear, are solved for anew
/// at every step. With a background the result is never worse than without, nor than the affine bag of words
/// (up to e^−kImportanceBound). The same sample gives the same bits. A token that
/// never occurs gets importance and value 0 and a warning. Throws Error as Sample::check() does, for empty
/// texts without background, and for more parameters than kMostSlalomParameters.
SlalomFit fit_slalom(const Sample& sample, const SlalomOptions& options = {});

inline constexpr Index kMostSlalomParameters = 6000;  // the normal matrix and its factor take 288 MB each

}  // namespace slalom
