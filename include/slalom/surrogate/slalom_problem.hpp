// The weighted least-squares problem behind fit_slalom: its rows, the squared error, the normal equations.
#pragma once

#include "slalom/surrogate/slalom.hpp"

namespace slalom::detail {

/// The sample as counts of the M tokens that it determines something about: those that occur, in texts of
/// positive weight, numbered anew; the background is one more, the last, and occurs once in every text. Texts
/// of the same counts are one row: their mean, and what they differ among themselves, which nothing explains.
struct SlalomProblem {
  std::vector<Sample::Token> seen;  // (M without background) numbers in the sample
  bool background = false, fixed_importance = false;
  SlalomRidge ridge;
  std::vector<Index> begin = {0};                  // (n + 1)
  std::vector<std::int32_t> token;                 // distinct tokens of a text, ascending
  std::vector<double> count;                       // of each
  std::vector<double> target, root_weight;         // (n)
  double unexplained = 0;                          // Σ w (F − its row's target)²
  double squared_weights = 0;                      // Σ w²
  double total_weight = 0, mean = 0, squares = 0;  // Σ w, weighted mean of F, Σ w F²
  double largest_deviation = 0;  // of a value from the mean: kValueBounds[0].ranges times the range of F

  /// Throws Error for an empty text without background, unless they are to be left out.
  SlalomProblem(const Sample& sample, const SlalomOptions& options, bool drop_empty);

  Index rows() const { return static_cast<Index>(target.size()); }
  Index words() const { return static_cast<Index>(seen.size()); }  // M without background
  Index tokens() const { return words() + (background ? 1 : 0); }  // M
};

/// Values and importances (M), in the problem's numbering.
struct SlalomPoint {
  std::vector<double> value, importance;
};

/// As SlalomModel::bound_importances does.
void bound(const SlalomProblem& problem, SlalomPoint& point);
bool at_bound(const SlalomProblem& problem, Index k, double importance, bool upper);

/// Σ w (F − target)²; blocks of fixed size are added in order.
double squared_error(const SlalomProblem& problem, const SlalomPoint& point);

/// What a fit minimises: the squared error and the ridge.
double objective(const SlalomProblem& problem, const SlalomPoint& point);

/// JᵀWJ (P, P), lower triangle, and JᵀW (target − F) (P): the values (P = M), then the importances (P = 2M);
/// of the objective, the ridge included.
struct NormalEquations {
  std::vector<double> matrix, gradient;
  Index size() const { return static_cast<Index>(gradient.size()); }
};
NormalEquations normal_equations(const SlalomProblem& problem, const SlalomPoint& point, bool importances);

/// Parameters that can lower the squared error: not the importances that are fixed or pressed against their
/// bound, and none that no prediction depends on.
std::vector<Index> free_parameters(const SlalomProblem& problem, const SlalomPoint& point,
                                   const NormalEquations& normal);

/// A ridge on scaled systems, whose diagonal is 1: far below what a determined number needs.
inline constexpr double kRidge = 1e-12;

/// A = D^{−1/2} (JᵀWJ + damping · level on the importances) D^{−1/2} + kRidge I over the parameters in
/// `free`, D the diagonal of JᵀWJ and level its mean over the importances, plus n nᵀ for the unit vector n
/// along which all importances shift and no prediction changes. Lower triangle.
struct ScaledSystem {
  std::vector<double> matrix, root_diagonal;
  double level = 1;
};
ScaledSystem scaled_system(const SlalomProblem& problem, const NormalEquations& normal,
                           const std::vector<Index>& free, double damping);

}  // namespace slalom::detail
