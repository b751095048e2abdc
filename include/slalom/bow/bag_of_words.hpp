// Texts as bags of words: how often each token occurs, in a text and in the texts of either label; and a
// weight for each token, what all linear bags of words have in common.
#pragma once

#include <array>
#include <functional>
#include <span>
#include <vector>

#include "slalom/data/batch.hpp"

namespace slalom {

/// The ids of a vocabulary that a bag of words is made of: all but the special tokens.
class CountedTokens {
 public:
  /// Ids 0 … vocabulary − 1. Throws Error if no token is left.
  CountedTokens(Index vocabulary, const std::function<bool(TokenId)>& is_special);

  /// Number of ids V, special ones included, and of those that are counted.
  Index vocabulary() const { return static_cast<Index>(counted_.size()); }
  Index size() const { return size_; }
  /// Throws Error for an id outside the vocabulary.
  bool contains(TokenId id) const;

 private:
  std::vector<bool> counted_;  // (V)
  Index size_;
};

struct TokenCount {
  TokenId id;
  Index count;  // ≥ 1
};
/// The distinct counted tokens of a text, ids ascending; `out` is overwritten and keeps its memory. Throws
/// Error for an id outside the vocabulary.
void count_by_token(std::span<const TokenId> text, const CountedTokens& tokens, std::vector<TokenCount>& out);

/// By label: of label 0, of label 1.
using ByLabel = std::array<Index, 2>;

struct LabelledCounts {
  CountedTokens tokens;
  std::vector<ByLabel> occurrences;  // (V) of each token in all texts of a label; 0 for special tokens
  std::vector<ByLabel> texts_with;   // (V) texts that hold the token
  ByLabel texts{};

  Index all_texts() const { return texts[0] + texts[1]; }
  /// Texts of either label that hold the token.
  Index document_frequency(TokenId id) const {
    const ByLabel& with = texts_with[static_cast<std::size_t>(id)];
    return with[0] + with[1];
  }
};
/// Throws Error for a label other than 0 and 1, naming the text, and for an id outside the vocabulary.
LabelledCounts count_labelled_texts(const PackedBatch& texts, const CountedTokens& tokens);

/// What a model sees of token k, which occurs c_k times in a text: count c_k; presence 1 where c_k > 0, else
/// 0.
enum class TokenFeature { count, presence };

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
