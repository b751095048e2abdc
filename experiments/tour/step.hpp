// What the tour walks through: one model, two texts, one tape; and the formulas of the forward pass written
// as plainly as possible, to check the tape against.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "page.hpp"
#include "slalom/data/batch.hpp"
#include "slalom/data/synthetic.hpp"
#include "slalom/nn/classifier.hpp"

namespace slalom::tour {

using Vector = std::vector<double>;
using Span = std::span<const double>;

/// Rows of an activation, one below the other.
struct Matrix {
  Index columns = 0;
  Vector data;
  Index rows() const { return static_cast<Index>(data.size()) / columns; }
  Span row(Index r) const {
    return Span(data).subspan(static_cast<std::size_t>(r * columns), static_cast<std::size_t>(columns));
  }
};

struct Step {
  explicit Step(std::uint64_t seed);

  /// Records the forward pass on the tape: all rows of the block, no dropout.
  void forward();
  /// The mean cross-entropy of the batch with the parameters as they are; records nothing.
  double loss_now(ForwardOptions pass = {});

  const ClassifierConfig& config() const { return model.config(); }
  const PackedTexts& texts() const { return batch; }
  Index text_of(Index row) const { return row < batch.begin[1] ? 0 : 1; }
  Index position_of(Index row) const { return row - batch.begin[static_cast<std::size_t>(text_of(row))]; }
  TokenId id(Index row) const { return batch.ids[static_cast<std::size_t>(row)]; }
  const std::string& word(Index row) const { return source.vocabulary().token(id(row)); }
  /// The value that the forward pass recorded under this name.
  Matrix activation(const std::string& name) const;
  Span parameter_row(ParameterId id, Index row) const;

  BagOfWordsSource source;
  Classifier<double> model;
  PackedBatch batch;
  Tape<double> tape;
  Var logits, loss;
};

Index extent(Span x);
double dot(Span a, Span b);
Vector sum(Span a, Span b);
Vector softmax(Span x);
/// Largest |a[i] − b[i]|; infinite if the lengths differ.
double difference(Span a, Span b);

/// W x + b.
Vector affine(const Step& step, const LinearIds& ids, Span x);
/// (x − mean) / √(variance + eps) · weight + bias.
Vector layer_norm(const Step& step, const LayerNormIds& ids, Span x);

// The sections of the tour, in the order in which they are printed.
/// From words to the loss. The forward pass is recorded on step.tape.
void show_forward(Step& step, Page& page);

/// From the loss back to the gradients of all parameters, and one step of RMSprop.
void show_learning(Step& step, Page& page);

}  // namespace slalom::tour
