// Logistic regression and a linear support vector machine on bags of words, fitted by liblinear (Fan, Chang,
// Hsieh, Wang, Lin, JMLR 9, 2008) with its primal trust-region Newton solvers: nothing is drawn at random.
#pragma once

#include <optional>

#include "slalom/bow/linear_bag.hpp"

namespace slalom {

struct LinearClassifierOptions {
  TokenFeature feature = TokenFeature::presence;
  /// C below, positive. Empty: chosen among 4⁻⁶, 4⁻⁵, … 4⁸ on every fifth text of each label, which are left
  /// out meanwhile: the first whose mean loss on them the next one does not improve.
  std::optional<double> cost;
};

/// Minimum of ½ (Σ_k w_k² + b²) + C Σ_i loss(y_i g(t_i)), y_i = ±1, g = b + Σ_k w_k x_k: the intercept b is
/// regularised, too, as liblinear has it. Tokens of no text have weight 0.
struct LogisticRegression {
  LinearBag bag;
  double cost = 0;  // C

  /// g(t) in nats; loss(m) = log(1 + e^−m).
  double log_odds(std::span<const TokenId> text) const { return bag.value(text); }
};

struct LinearSvm {
  LinearBag bag;
  double cost = 0;  // C

  /// g(t); loss(m) = max(0, 1 − m)². Its sign is the class, its unit the margin: no log-odds.
  double margin(std::span<const TokenId> text) const { return bag.value(text); }
};

/// Throw Error for labels other than 0 and 1, a label without texts or with fewer than five if the cost is to
/// be chosen, a cost that is not positive, and an id outside the vocabulary.
LogisticRegression fit_logistic_regression(const PackedBatch& texts, const CountedTokens& tokens,
                                           const LinearClassifierOptions& options = {});
LinearSvm fit_linear_svm(const PackedBatch& texts, const CountedTokens& tokens,
                         const LinearClassifierOptions& options = {});

}  // namespace slalom
