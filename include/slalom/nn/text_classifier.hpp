// What training and prediction need to know of a model.
#pragma once

#include <vector>

#include "slalom/autograd/tape.hpp"
#include "slalom/kernels/bf16_gemm.hpp"
#include "slalom/nn/problem_type.hpp"
#include "slalom/ops/packed.hpp"

namespace slalom {

/// Training or inference is an argument of a pass, never a state of the model.
struct ForwardOptions {
  /// Dropout is drawn from this stream (0 rates in the configuration draw nothing); unset: inference.
  const std::uint64_t* dropout_key = nullptr;
  /// Rows that the last block computes beyond keys and values: the head reads one row of each text, so the
  /// others are only of interest for inspection. Both give the same logits and gradients.
  enum class LastBlock { read_out_rows, all_rows } last_block = LastBlock::read_out_rows;
  /// Of transformers: word embeddings (N, E) on the pass's tape, taken in the place of those of the ids.
  /// Positions, segments and the LayerNorm of the embeddings stay those of the texts. Empty: looked up.
  Var word_rows{};
  /// Attention patterns (H, queries, S) of each text are kept as activations. Otherwise no memory grows with
  /// the square of a text's length.
  bool patterns = false;
  /// Parameters are constants: the way back computes no gradient of theirs.
  bool frozen = false;
  /// Of transformers in float: weights that take the place of the parameters of the same number in products,
  /// see bf16_weights(). Gradients are those of the parameters.
  std::span<const Bf16Weight> bf16{};
};

template <class T>
class TextClassifier {
 public:
  virtual ~TextClassifier() = default;
  virtual ParameterStore<T>& parameters() = 0;
  virtual const ParameterStore<T>& parameters() const = 0;
  /// Number of classes C.
  virtual Index labels() const = 0;
  virtual ProblemType problem() const { return ProblemType::single_label; }
  /// Which rows of a row-sparse parameter forward() will read for these texts; repeats are fine.
  virtual void rows_read(const PackedTexts& texts, ParameterId table, std::vector<Index>& rows) const = 0;
  /// How many rows through a full block take as much memory as a text of that many tokens does in a pass that
  /// records nothing; what bounds a batch.
  virtual Index rows_of_memory(Index tokens) const { return tokens; }
  /// Throws Error naming the text if the model cannot read the texts; forward() checks it, too.
  virtual void check(const PackedTexts& texts) const = 0;
  /// Logits (B, C) of the texts, recorded on the tape, which refers to the texts until it is cleared.
  virtual Var forward(Tape<T>& tape, const PackedTexts& texts, const ForwardOptions& pass) = 0;
};

}  // namespace slalom
