// All parameters of a model in one block of values and one of gradients, so that an optimiser is a flat
// loop. No gradient is ever zeroed: each is marked "unwritten" at the start of a step, and the first
// contribution overwrites it.
#pragma once

#include <string>
#include <vector>

#include "slalom/autograd/tensor.hpp"
#include "slalom/base/memory.hpp"

namespace slalom {

/// Position of a parameter in its store.
struct ParameterId {
  int index = -1;
  bool valid() const { return index >= 0; }
  bool operator==(const ParameterId&) const = default;
};

/// Row-sparse gradients exist only for the rows that were touched in a step (embedding tables).
enum class GradientKind { dense, row_sparse };

/// Where a backward pass adds its contribution: data ← beta · data + contribution, with beta 0 (the old
/// content is garbage) or 1.
template <class T>
struct GradientSlot {
  T* data = nullptr;
  T beta = 0;
};

template <class T>
class ParameterStore {
 public:
  /// Registers a parameter, before allocate(). Extents are positive; names are unique.
  ParameterId add(std::string name, Shape shape, GradientKind kind = GradientKind::dense);
  /// Lays out the blocks (values zero, every parameter aligned to 64 bytes); throws Error if the system
  /// refuses the memory.
  void allocate();

  int count() const { return static_cast<int>(entries_.size()); }
  const std::string& name(ParameterId id) const { return entry(id).name; }
  const Shape& shape(ParameterId id) const { return entry(id).shape; }
  GradientKind kind(ParameterId id) const { return entry(id).kind; }
  /// The parameter of that name, or an invalid id.
  ParameterId find(const std::string& name) const;
  /// Number of scalars in all parameters (padding between them left out).
  Index scalars() const;

  Tensor<T> value(ParameterId id) const {
    return {values_.as<T>().data() + entry(id).offset, entry(id).shape};
  }
  /// Meaningful after a backward pass and finish_gradients(); of a row-sparse one only touched rows are.
  Tensor<T> gradient(ParameterId id) const {
    return {gradients_.as<T>().data() + entry(id).offset, entry(id).shape};
  }
  /// Where the parameter begins in the blocks, and the blocks' length, both in scalars.
  Index offset(ParameterId id) const { return entry(id).offset; }
  Index block_size() const { return block_size_; }
  /// The block of all values, those between parameters included.
  std::span<T> values() const { return values_.as<T>().first(static_cast<std::size_t>(block_size_)); }

  /// Starts a step: marks all gradients unwritten, forgets touched rows.
  void clear_gradients();
  /// Where to add the gradient of a dense parameter.
  GradientSlot<T> gradient_slot(ParameterId id);
  /// Where to add the gradient of one row of a row-sparse parameter; the row becomes touched. Not
  /// thread-safe.
  GradientSlot<T> row_slot(ParameterId id, Index row);
  /// Whether all that this step wrote to the parameter's gradient is finite.
  bool finite_gradient(ParameterId id) const;
  /// Ends a backward pass: dense parameters that nothing wrote to get zeros.
  void finish_gradients();
  /// Rows of a row-sparse parameter that have a gradient in this step, in order of their first touch.
  const std::vector<Index>& touched_rows(ParameterId id) const { return entry(id).touched; }

 private:
  struct Entry {
    std::string name;
    Shape shape;
    GradientKind kind;
    Index offset = 0;
    bool written = false;
    std::vector<Index> touched;
    std::vector<bool> is_touched;
  };
  const Entry& entry(ParameterId id) const { return entries_[static_cast<std::size_t>(id.index)]; }
  Entry& entry(ParameterId id) { return entries_[static_cast<std::size_t>(id.index)]; }

  std::vector<Entry> entries_;
  MappedMemory values_, gradients_;
  Index block_size_ = 0;
};

}  // namespace slalom
