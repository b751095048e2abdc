// A transformer classifier: its parameters, and one forward pass over packed texts.
#pragma once

#include <vector>

#include "slalom/autograd/tape.hpp"
#include "slalom/nn/config.hpp"
#include "slalom/nn/text_classifier.hpp"

namespace slalom {

/// Parameters of the layers, as ids into the classifier's store; weights are (out, in).
struct LinearIds {
  ParameterId weight, bias;
};
struct LayerNormIds {
  ParameterId weight, bias;  // RMSNorm has no bias
};
struct BlockIds {
  LinearIds query;            // (D, D)
  LinearIds keys_values;      // (2D, D): k above v, one product for both
  LinearIds attention_out;    // (D, D)
  LayerNormIds norm1, norm2;  // post-norm: after the attention, after the feed-forward; pre-norm: before them
  LinearIds feed_forward_in, feed_forward_out;  // (F, D), (D, F)
};
struct EmbeddingIds {
  ParameterId token, position, type;  // (V, E), (P, E), (types, E)
  LayerNormIds norm;                  // (E)
  LinearIds map;                      // (D, E), where E is not D or the blocks are shared
};
struct HeadIds {
  LayerNormIds norm;
  LinearIds hidden;  // (D, D)
  LinearIds out;     // (C, D)
};

template <class T>
class Classifier final : public TextClassifier<T> {
 public:
  /// Registers and allocates the parameters of a valid configuration; values are zero.
  explicit Classifier(const ClassifierConfig& config);

  const ClassifierConfig& config() const { return config_; }
  ParameterStore<T>& parameters() override { return parameters_; }
  const ParameterStore<T>& parameters() const override { return parameters_; }
  Index labels() const override { return config_.labels; }
  ProblemType problem() const override { return config_.problem(); }
  void rows_read(const PackedTexts& texts, ParameterId table, std::vector<Index>& rows) const override;
  /// A single block has keys and values (2D of about 14D) for all rows, the rest for one row of a text.
  Index rows_of_memory(Index tokens) const override {
    return config_.layers == 1 ? ceil_div(tokens, 4) : tokens;
  }
  /// Refused are an empty text, an id outside the vocabulary, and a text longer than the positions.
  void check(const PackedTexts& texts) const override;
  const EmbeddingIds& embedding() const { return embedding_; }
  const std::vector<BlockIds>& blocks() const { return blocks_; }
  const HeadIds& head() const { return head_; }

  /// Random weights as Hugging Face draws them: normal(0, initializer_range) for matrices and tables (GPT-2's
  /// output projections divided by √(2 layers)), zero biases and padding rows, LayerNorm 1 and 0.
  void initialise(std::uint64_t seed);

  /// Logits (B, C) of the texts. Names on the tape: see activation_names().
  Var forward(Tape<T>& tape, const PackedTexts& texts, const ForwardOptions& pass) override;

 private:
  LinearIds add_linear(const std::string& prefix, Index out, Index in, bool bias = true);
  LayerNormIds add_layer_norm(const std::string& prefix, Index width);
  void add_block(const std::string& prefix);

  ClassifierConfig config_;
  ParameterStore<T> parameters_;
  EmbeddingIds embedding_;
  std::vector<BlockIds> blocks_;
  HeadIds head_;
};

/// The weights of the blocks' linear maps in bf16, by the numbers of their parameters; empty for the others.
std::vector<Bf16Weight> bf16_weights(const Classifier<float>& model);

/// The row of the position table that each row of the texts takes (N). RoBERTa and its kin count from pad_id
/// + 1 on, and a pad token inside a text keeps pad_id and is not counted.
void position_ids(const ClassifierConfig& config, const PackedTexts& texts, std::span<TokenId> positions);

/// What forward() names, with the shape for one text: S tokens, D width, H heads, F feed-forward width, C
/// labels.
struct ActivationInfo {
  std::string name, shape, meaning;
};
std::vector<ActivationInfo> activation_names(const ClassifierConfig& config);

}  // namespace slalom
