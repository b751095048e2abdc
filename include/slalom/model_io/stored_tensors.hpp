// Which tensors a Hugging Face checkpoint of an architecture has, and which parameters they are made of: the
// one place that knows their names and layouts.
#pragma once

#include <string>
#include <vector>

#include "slalom/nn/classifier.hpp"

namespace slalom {

/// `rows` rows of a parameter, from `first_row` on.
struct StoredPiece {
  ParameterId parameter;
  Index first_row, rows;
};

/// One tensor of the checkpoint: its pieces below one another, transposed as a whole where Hugging Face
/// stores (in, out). Without pieces it is zero (the position table of a model without positions).
struct StoredTensor {
  std::string name;
  Shape shape;  // as stored
  bool transposed = false;
  std::vector<StoredPiece> pieces;
};

template <class T>
std::vector<StoredTensor> stored_tensors(const Classifier<T>& model);

/// The tensor as stored, made of the parameters' values or gradients (of row-sparse ones: zero where
/// untouched).
enum class Quantity { value, gradient };
template <class T>
void read_from_parameters(const ParameterStore<T>& parameters, const StoredTensor& tensor, Quantity quantity,
                          std::vector<T>& out);
/// The way back: sets the parameters' values.
template <class T>
void write_to_parameters(const std::vector<T>& stored, const StoredTensor& tensor,
                         ParameterStore<T>& parameters);

}  // namespace slalom
