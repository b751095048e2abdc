// What happens inside a model on a text, and the gradients of its loss, under public names.
#pragma once

#include <string>
#include <vector>

#include "slalom/data/batch.hpp"
#include "slalom/nn/classifier.hpp"

namespace slalom {

template <class T>
struct NamedValues {
  std::string name;
  std::vector<Index> shape;
  std::vector<T> data;  // row-major
};

/// The activations of one text, all rows of all blocks, without dropout. `types` (S) are its segments, empty:
/// all 0; `wanted` are names of activation_names(), empty: all of them. Throws UsageError for a name that the
/// model has not.
template <class T>
std::vector<NamedValues<T>> activations(Classifier<T>& model, std::span<const TokenId> ids,
                                        std::span<const TokenId> types = {},
                                        const std::vector<std::string>& wanted = {});

/// pattern (S, S): row i holds the weights with which query i reads the keys.
template <class T>
struct AttentionPattern {
  Index layer, head;
  NamedValues<T> pattern;
};
template <class T>
std::vector<AttentionPattern<T>> attention_patterns(Classifier<T>& model, std::span<const TokenId> ids,
                                                    std::span<const TokenId> types = {});

/// Gradients of the mean cross-entropy of the batch, without dropout, tensor by tensor as a checkpoint stores
/// them, under its names; `loss`, if given, receives the mean cross-entropy in nats.
template <class T>
std::vector<NamedValues<T>> loss_gradients(Classifier<T>& model, const PackedBatch& batch, T* loss = nullptr);

/// The parameters, tensor by tensor as a checkpoint stores them.
template <class T>
std::vector<NamedValues<T>> parameter_values(const Classifier<T>& model);

/// Euclidean norm.
template <class T>
double norm(const std::vector<T>& values);

}  // namespace slalom
