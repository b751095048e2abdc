// Logistic regression and a linear support vector machine on bags of words, fitted by liblinear (Fan, Chang,
// Hsieh, Wang, Lin, JMLR 9, 2008) with its primal trust-region Newton solvers: nothing is drawn at random.
#pragma once

#include <optional>

#include "slalom/bow/bag_of_words.hpp"

namespace slalom {

struct LinearClassifierOptions {
  TokenFeature feature = TokenFeature::presence;
  /// C below, positive. Empty: chosen among 4⁻⁶, 4⁻⁵, … 4⁸ on every fifth text of each label, which are left
  /// out meanwhile: the first whose mean loss on them the next one does not improve.
  std::optional<double> cost;
};

/// log(1 + e^−m) of the margin m: logistic regression, whose value is a log-odds in nats; max(0, 1 − m)²: a
/// linear support vector machine, whose value is a margin and no log-odds.
enum class LinearLoss { logistic, squared_hinge };

struct LinearClassifier {
  LinearBag bag;
  double cost = 0;  // C
};

/// Minimum of ½ (Σ_k w_k² + b²) + C Σ_i loss(y_i g(t_i)), y_i = ±1, g = b + Σ_k w_k x_k: the intercept b is
/// regularised, too, as liblinear has it. Tokens of no text have weight 0. Throws Error for labels other than
/// 0 and 1, a label without texts or with fewer than five if the cost is to be chosen, a cost that is not
/// positive, and an id outside the vocabulary.
LinearClassifier fit_linear_classifier(LinearLoss loss, const PackedBatch& texts, const CountedTokens& tokens,
                                       const LinearClassifierOptions& options = {});

}  // namespace slalom
