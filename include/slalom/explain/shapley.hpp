// Shapley values of a game of a value function: exact, and estimates with standard errors.
#pragma once

#include "slalom/explain/deletions.hpp"

namespace slalom {

inline constexpr Index kMostPlayersEnumerated = 20;

struct ShapleyEstimate {
  std::vector<double> value;           // (n) sums to v(all) − v(∅)
  std::vector<double> standard_error;  // (n); 0 where the estimate is exact, NaN from a single draw
  double empty = 0, full = 0;          // v(∅), v(all)
  Index coalitions = 0;                // queried, ∅ and all included, repeats included
  bool exact = false;
};

/// Throws Error for n < 1 or budget < 1.
void check_players(Index players, Index budget);
/// With v(∅) and v(all), no more.
ShapleyEstimate with_ends(Index players, const ValueFunction& values);

/// Σ_S |S|! (n − |S| − 1)! / n! (v(S ∪ i) − v(S)) over all 2^n coalitions. Throws Error for n < 1 or
/// n > kMostPlayersEnumerated.
ShapleyEstimate exact_shapley(Index players, const ValueFunction& values);

/// Marginal contributions along random orders, each followed by its reverse (antithetic pairs), as many pairs
/// of 2 (n − 1) coalitions as `budget` allows, at least one (∅ and all are queried besides); unbiased. The
/// standard error is that of the mean over pairs. Exact for n ≤ 2. Throws Error for n < 1 or budget < 1.
ShapleyEstimate permutation_shapley(Index players, const ValueFunction& values, Index budget,
                                    std::uint64_t seed);

/// Kernel SHAP (Lundberg and Lee 2017): the weighted least-squares fit of an additive game with the Shapley
/// kernel (n − 1) / (C(n, |S|) |S| (n − |S|)), ∅ and all held exactly. Coalition sizes that the budget covers
/// are enumerated, those nearest ∅ and all first; the rest is sampled with its complement. Equals the exact
/// values when `budget` ≥ 2^n − 2 (∅ and all are queried besides). No coalition is queried twice: those drawn
/// again weigh more. The standard error comes from the residuals of the fit over the sampled coalitions.
/// Throws Error if n < 1 or budget < 1, or if the budget does not reach the 2 n coalitions of all players but
/// one and of single players, which determine the fit (2 of two players, none of one).
ShapleyEstimate kernel_shapley(Index players, const ValueFunction& values, Index budget, std::uint64_t seed);

/// Appends all coalitions of k players, each followed by its complement unless that has the same size.
void add_coalitions_of_size(Index k, Coalitions& to);
/// (n) the φ that minimise Σ weight (v(S) − empty − Σ_{j in S} φ_j)² under Σ φ = full − empty. Throws Error
/// if the coalitions do not determine them.
std::vector<double> kernel_regression(const Coalitions& coalitions, std::span<const double> weight,
                                      std::span<const double> values, double empty, double full);

struct ControlledEstimate {
  ShapleyEstimate estimate;
  /// Σ variance that permutation_shapley() would have with the whole budget / Σ variance of this estimate:
  /// below 1 the control did not pay for what it cost. The former is that of the same orders without the
  /// control, divided by how many times more of them the whole budget allows. 1 if the estimate is exact
  /// without a control, NaN from a single pair, infinite if the control differs from the game by a constant.
  double variance_ratio = 1;
};

/// Unbiased for any control: SHAP(f) = SHAP(control), known exactly, + permutation estimate of SHAP(f −
/// control) with `budget` coalitions. `control` gives the control's v(S), `control_shapley` (n) its Shapley
/// values; with the queries that it took the budget is `whole_budget`. Throws Error as permutation_shapley()
/// does, for a whole budget below `budget`, and for another number of them than of players.
ControlledEstimate controlled_shapley(Index players, const ValueFunction& values,
                                      const ValueFunction& control, std::span<const double> control_shapley,
                                      Index budget, Index whole_budget, std::uint64_t seed);

}  // namespace slalom
