// A two-layer ReLU network on TF-IDF vectors: a reference model that is neither linear nor a transformer.
#pragma once

#include <algorithm>
#include <vector>

#include "slalom/bow/bag_of_words.hpp"
#include "slalom/nn/text_classifier.hpp"

namespace slalom {

/// logits = W₂ ReLU(W₁ x + b₁) + b₂ for two classes. Token k, which occurs c_k times among the n known tokens
/// of a text, and in df_k of the N texts that the network was made for:
///   tf_k = c_k / n,  idf_k = log((1 + N) / (1 + df_k)) + 1,  x = (tf ∘ idf) / ‖tf ∘ idf‖₂.
/// Known are the tokens with df_k > 0 that are not special; all others are left out. The length n cancels in
/// x, which holds for every text and so for a deletion: N and df stay what they were. Without known tokens
/// x = 0.
template <class T>
class TfidfNetwork final : public TextClassifier<T> {
 public:
  /// Throws Error for a hidden width that is not positive.
  TfidfNetwork(const LabelledCounts& counts, Index hidden, std::uint64_t seed);

  ParameterStore<T>& parameters() override { return parameters_; }
  const ParameterStore<T>& parameters() const override { return parameters_; }
  Index labels() const override { return 2; }
  /// Of W₁ the known tokens of the texts.
  void rows_read(const PackedTexts& texts, ParameterId table, std::vector<Index>& rows) const override;
  /// A batch of B texts with K distinct tokens takes a (B, K) matrix: this bounds B.
  Index rows_of_memory(Index tokens) const override { return std::max<Index>(tokens, 32); }
  /// Refused is an id outside the vocabulary.
  void check(const PackedTexts& texts) const override;
  Var forward(Tape<T>& tape, const PackedTexts& texts, const ForwardOptions& pass) override;

  /// 0 for tokens that are not known.
  double idf(TokenId id) const { return idf_.at(static_cast<std::size_t>(id)); }

 private:
  bool known(TokenId id) const { return idf_[static_cast<std::size_t>(id)] > 0; }
  std::span<const TokenId> distinct_tokens(Arena& arena, const PackedTexts& texts) const;
  Tensor<T> vectors(Tape<T>& tape, const PackedTexts& texts, std::span<const TokenId> distinct) const;

  std::vector<double> idf_;  // (V)
  ParameterStore<T> parameters_;
  ParameterId hidden_weight_, hidden_bias_, out_weight_, out_bias_;  // W₁ᵀ (V, hidden), row-sparse
};

}  // namespace slalom
