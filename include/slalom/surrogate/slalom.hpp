// SLALOM, the softmax-linked additive log-odds model (paper, section 5):
//   F(t) = Σ_i α_i v(t_i),  α = softmax(s(t_1) … s(t_n)),
// and with a background token of value v_0 and importance s_0, which stands for what [CLS], [SEP] or the
// read-out itself contributes:
//   F(t) = (e^{s_0} v_0 + Σ_i e^{s_i} v_i) / (e^{s_0} + Σ_i e^{s_i}).
#pragma once

#include <optional>
#include <string>

#include "slalom/surrogate/position_effects.hpp"

namespace slalom {

/// Importances are kept within ± this of their mean: e^40 to 1 is as good as a certain choice.
inline constexpr double kImportanceBound = 20;

struct Background {
  double value = 0, importance = 0;
};

/// Values in nats of log-odds, importances dimensionless and defined up to one added constant, the
/// background's included.
struct SlalomModel {
  std::vector<double> value, importance;  // (K)
  std::optional<Background> background;
  std::optional<PositionEffects> positions{};

  /// With position effects, where the model has them and `with_positions` asks for them. Throws Error for an
  /// empty text without background.
  double predict(std::span<const Sample::Token> text, bool with_positions = true) const;
  /// Adds the constant that makes Σ_τ s(τ) = 0 over the tokens; no prediction changes.
  void centre();
  /// Centres, and moves importances further than kImportanceBound from the mean to that distance. The
  /// background's is kept between −2 kImportanceBound (a background that no text notices) and
  /// kImportanceBound (next to which the model is the affine bag of words).
  void bound_importances();
};

struct SlalomOptions {
  bool background = false;
  bool fixed_importance = false;      // all importances are 0: only values and background are fitted
  bool least_squares = false;         // no penalties, whatever that does to texts that were not queried
  bool positions = false;             // fit position effects where they predict better; for at most
                                      // kMostTextsWithPositions texts, none of them weighted
  std::vector<double> text_counts{};  // (K) of the explained text, for part_se, or empty
  std::vector<double> guide;  // (K) scores that a factor turns into what values shrink towards, or empty
  std::optional<SlalomModel> start;  // a first guess. The fit goes on from there and chooses among no others
};

inline constexpr Index kMostTextsWithPositions = 6000;  // their covariance matrix takes 288 MB

/// Where a fit ended. Standard errors are posterior standard deviations of the linearised model (of least
/// squares: its standard errors), with the residual variance as noise; NaN where the sample does not
/// determine the number (a token that never occurs, no residual degree of freedom).
struct SlalomFit {
  SlalomModel model;                            // centred
  std::vector<double> value_se, importance_se;  // (K), of the centred importances
  std::vector<double> part_se;      // (K), of e^s v over its sum of e^s; empty without text_counts
  Background background_se{};       // NaN without background
  double mse = 0;                   // of the result, over the sample
  std::string chosen;               // "linear", "equal importances", "SLALOM" or "least squares"
  double cross_validated_mse = 0;   // of what was chosen; NaN if there was nothing to choose
  double importance_deviation = 0;  // standard deviation of the importances' prior; infinite without one
  double part_deviation = 0;  // of the parts' prior, e^s (v − mean of v) less the guide's share; the same
  double guide_factor = 0;    // of the guide
  Index iterations = 0;
  bool converged = false;
  std::vector<std::string> warnings;  // tokens never seen, importances at their bound, no convergence …
};

/// Fits the sample with penalties that are chosen from the sample itself (slalom_comparison.hpp says how).
/// Among the fits that are compared by cross-validation are the affine bag of words (a background of
/// unlimited weight), equal importances and least squares; the result has the least cross-validated error,
/// but a gain over the additive limits that rests on a few texts must be significant. The same sample gives
/// the same bits. A token that never occurs gets importance 0, the mean value and a warning. Throws Error as
/// Sample::check() does, for empty texts without background, and for more parameters than
/// kMostSlalomParameters.
SlalomFit fit_slalom(const Sample& sample, const SlalomOptions& options = {});

inline constexpr Index kMostSlalomParameters = 6000;  // the normal matrix and its factor take 288 MB each

}  // namespace slalom
