// The baseline that does learn a linear relation: a two-layer ReLU network on the concatenated embeddings of
// a fixed context (paper, section 6.1 and appendix).
#pragma once

#include <vector>

#include "slalom/nn/text_classifier.hpp"

namespace slalom {

struct FullyConnectedConfig {
  Index context = 32;  // tokens read; shorter texts are filled up with `padding`
  Index width = 768;   // of an embedding
  Index hidden = 200;
  Index vocabulary = 0;
  Index labels = 2;
  TokenId padding = 0;
  double embedding_deviation = 0.05;  // frozen embeddings are normal(0, deviation)
};

/// logits = W₂ ReLU(W₁ [e(t_1) … e(t_context)] + b₁) + b₂, e frozen.
template <class T>
class FullyConnected final : public TextClassifier<T> {
 public:
  /// Throws Error for sizes that are not positive and a padding token outside the vocabulary.
  FullyConnected(const FullyConnectedConfig& config, std::uint64_t seed);

  const FullyConnectedConfig& config() const { return config_; }
  /// e of a token (width).
  const T* embedding(TokenId id) const { return table_.data() + id * config_.width; }
  ParameterStore<T>& parameters() override { return parameters_; }
  const ParameterStore<T>& parameters() const override { return parameters_; }
  Index labels() const override { return config_.labels; }
  /// There are none: the embeddings are frozen.
  void rows_read(const PackedTexts&, ParameterId, std::vector<Index>& rows) const override { rows.clear(); }
  /// Refused are a text longer than the context and an id outside the vocabulary.
  void check(const PackedTexts& texts) const override;
  Var forward(Tape<T>& tape, const PackedTexts& texts, const ForwardOptions& pass) override;

 private:
  FullyConnectedConfig config_;
  std::vector<T> table_;  // (V, width), frozen
  ParameterStore<T> parameters_;
  ParameterId hidden_weight_, hidden_bias_, out_weight_, out_bias_;
};

}  // namespace slalom
