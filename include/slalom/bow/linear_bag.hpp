// A weight for each token: what all linear bags of words have in common.
#pragma once

#include "slalom/bow/token_counts.hpp"

namespace slalom {

/// What such a model sees of token k, which occurs c_k times among the n counted tokens of a text:
/// count c_k; presence 1 where c_k > 0, else 0; frequency c_k / n.
enum class TokenFeature { count, presence, frequency };
/// x_k of a token that the text holds.
double feature_value(TokenFeature feature, Index count, Index length);

/// g(t) = intercept + Σ_k weight_k x_k(t): a sum over the tokens of the text for `count` alone.
struct LinearBag {
  CountedTokens tokens;
  TokenFeature feature = TokenFeature::count;
  double intercept = 0;
  std::vector<double> weight;  // (V), 0 for special tokens

  /// Special tokens and the order of the tokens change nothing, not even a bit; of a text without counted
  /// tokens it is the intercept. Throws Error for an id outside the vocabulary.
  double value(std::span<const TokenId> text) const;
};

}  // namespace slalom
