// Fidelity under removal of tokens (paper, section 6). A classifier is a function of kept
// tokens: F(S) for coalitions S of the n tokens of a text, in nats.
#pragma once

#include "slalom/explain/deletions.hpp"

namespace slalom {

/// Tokens from the highest score to the lowest; equal scores in order of position. Throws Error if a score is
/// not finite.
std::vector<Index> ranking(std::span<const double> scores);

/// A curve over the number k of tokens kept (insertion) or removed (deletion), and its mean.
struct RankingCurve {
  std::vector<Index> k;
  std::vector<double> probability;  // of the target class, σ(F)
  double area = 0;                  // mean of `probability`; NaN without any k
};

/// Of coalitions that have the first k[i] of the order (n), or all but these; the probability is σ(sign · F).
RankingCurve ranking_curve(const std::vector<Index>& order, std::vector<Index> k, bool kept, double sign,
                           const ValueFunction& f);
/// step, 2 step, … below n, and n if `whole`. Throws Error if step < 1.
std::vector<Index> curve_points(Index n, Index step, bool whole);

/// Keeps the k best-ranked tokens, k = step, 2 step, … and n; higher is better. Throws Error if step < 1.
RankingCurve insertion(std::span<const double> scores, const ValueFunction& f, Index step = 1);
/// Removes them, k = step, 2 step, …, as long as a token is left (and all of them where `empty_text` exists);
/// lower is better.
RankingCurve deletion(std::span<const double> scores, const ValueFunction& f, Index step, bool empty_text);

/// Mean squared error of the predicted against the true change of log-odds, F(S) − F(all), for each number of
/// removed tokens.
struct RemovalCurve {
  std::vector<Index> removed;  // the numbers that occur, ascending
  std::vector<double> mse;     // nats²
};
RemovalCurve removal_curve(const Coalitions& kept, std::span<const double> predicted_change,
                           std::span<const double> true_change);

/// F(all without i) − F(all), predicted and true (n): Spearman correlation and mean squared error, NaN where
/// undefined.
struct SingleRemoval {
  double spearman, mse;
};
SingleRemoval single_removal(std::span<const double> predicted_change, std::span<const double> true_change);

}  // namespace slalom
