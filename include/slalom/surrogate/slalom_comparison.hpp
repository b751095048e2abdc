// The fits among which fit_slalom chooses, and where their penalties come from.
//
// A SLALOM with fixed importances is linear in its values: with equal importances F is the mean of the values
// of the text and of a background that weighs B tokens, and for B → ∞ it is the affine bag of words. These
// additive fits are linear mixed models, the values drawn from a normal distribution; their penalty, and the
// variance of position effects, is the most likely one (mixed_model.hpp).
//
// From one of them SLALOM fits descend for several widths of the importances' prior, N(0, deviation²). What
// Bayes's rule then minimises is −2σ² log(likelihood · prior), a sum of squares with the penalties
//   λ_s = σ² / deviation²,  λ_u = σ² / (variance of the parts),  κ = σ² / (variance of the log-odds),
// the last on what is believed of texts that were not queried. Noise σ² and the parts' variance are estimated
// anew every few steps from the number of parameters that the texts determine (MacKay, "Bayesian
// Interpolation", Neural Computation 1992). Cross-validation compares the widths, as it does the backgrounds;
// each fit keeps its penalties in all folds.
#pragma once

#include <limits>
#include <numeric>

#include "slalom/surrogate/mixed_model.hpp"
#include "slalom/surrogate/slalom_regression.hpp"

namespace slalom::detail {

struct Candidate {
  std::string name;
  SlalomParameters parameters;
  std::vector<double> x;
  SlalomPenalties penalties;
  bool fixed_importance = false, fixed_background = false;  // both: an additive fit
  double variance = 0;                                      // σ²
  double importance_deviation = 0;                          // of the prior; infinite: no penalties at all
  double background = 0, rho = 0;                           // of an additive fit
  std::vector<double> errors;                               // (n) weighted squared errors of cross-validation
  Index iterations = 0;
  bool converged = true;

  double error() const {
    return std::accumulate(errors.begin(), errors.end(), 0.0) / static_cast<double>(errors.size());
  }
  /// The same point, from where importances and the background's weight may move.
  Candidate unfixed(std::string its_name, double deviation) const;
};

class Comparison {
 public:
  /// Of more than about a thousand texts that many are compared.
  Comparison(const Sample& sample, const SlalomOptions& options);

  /// If the best additive fit with position effects predicts better than any fit without, SLALOMs included,
  /// they are estimated beside it and subtracted from the log-odds, and the fits are compared on what is
  /// left.
  void compare();
  /// The least cross-validated error. Against the best additive fit it must also win on the usual text, its
  /// error cut at the 95 % point, or by more than two standard errors: what rests on a few texts may be
  /// theirs alone.
  const Candidate& best() const;
  const std::vector<Candidate>& candidates() const { return candidates_; }
  double position_rho() const { return position_rho_; }  // 0: there are no effects
  double position_background() const { return position_background_; }
  /// An additive fit, not compared. `lengths`: of the background, in mean lengths of a text.
  Candidate additive(double lengths) const;

  /// Descends with penalties that follow from noise and deviations, which follow from where it descended to.
  void refine(const CountRows& rows, Candidate& c) const;
  const CountRows& support() const { return support_; }

 private:
  struct Fold {
    std::vector<Index> train, test;
    CountRows train_rows, test_rows;
  };
  struct Additive {
    double background = 0;
    MixedDesign design;
    MixedFit fit;
  };

  MixedDesign design(double background) const;
  double background_of(double lengths) const;
  std::vector<double> point(const MixedFit& fit, double background) const;
  Candidate candidate(const MixedFit& fit, double background) const;
  void cut_folds();
  void compare_additive();
  Candidate with_position_effects(MixedDesign& design) const;
  /// Those whose noise is less than `enough`.
  void compare_slaloms(double enough = std::numeric_limits<double>::infinity());
  bool is_supported(const Candidate& c) const;
  std::vector<double> slalom_start(const Candidate& c) const;
  void validate_additive(Candidate& c, const MixedDesign& design, const Fold& fold) const;
  void validate(Candidate& c, const Fold& fold) const;
  void set_penalties(Candidate& c, double part) const;

  const SlalomOptions& options_;
  CountRows rows_, support_;
  const Sample& sample_;
  std::vector<Index> texts_;
  double position_rho_ = 0, position_background_ = 0;
  double spread_ = 0, mean_length_ = 0;  // variance of the log-odds; tokens
  std::vector<Fold> folds_;
  std::vector<Additive> additive_;
  std::vector<Candidate> candidates_;
};

}  // namespace slalom::detail
