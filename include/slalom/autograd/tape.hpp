// Reverse-mode differentiation. Operations append nodes in the order in which they run; backward() walks them
// from the end. The tape is recorded anew for every step and lives in its arena.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <new>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "slalom/autograd/arena.hpp"
#include "slalom/autograd/parameter_store.hpp"
#include "slalom/base/error.hpp"

namespace slalom {

/// Handle of a node. Using one after reset() is an Error.
struct Var {
  std::uint32_t id = 0, step = 0;
  bool valid() const { return step != 0; }
};

/// Whether backward() will be called. `off` keeps no closures and lets operations work in place.
enum class Recording { on, off };

/// The name under which an activation can be inspected: "blocks.3.attn.pattern" is stem "attn.pattern", layer
/// 3; layer −1 has no prefix. `stem` must outlive the tape (a string literal).
struct ActivationName {
  const char* stem;
  int layer = -1;
};
std::string to_string(const ActivationName& name);

/// A named tensor, or some columns of its rows: `stride` scalars lie between rows.
template <class T>
struct NamedTensor {
  ActivationName name;
  Tensor<T> tensor;
  Index stride;
};

template <class T>
class Tape {
 public:
  /// The contract of an operation:
  ///  - it allocates its output with allocate(); the memory arrives uninitialised;
  ///  - it calls record(name, output, inputs, backward) once and returns what that returns;
  ///  - backward(tape, dy) gets the gradient of its output and adds its contribution to each input that
  ///    needs_gradient(), at gradient_slot(input): data ← beta · data + contribution. Beta is 0 for the first
  ///    contribution, so no gradient is zeroed beforehand; every element must be written then.
  ///  - backward is trivially destructible: it captures handles, pointers into the arena and numbers.
  explicit Tape(Recording recording = Recording::on) : recording_(recording) {}

  /// Forgets all nodes and names and frees the arena for the next step.
  void reset();
  Recording recording() const { return recording_; }
  /// Values, closures, and scratch memory within an ArenaScope.
  Arena& arena() { return arena_; }
  /// Blocks of memory asked of the system so far; constant once warmed up.
  int blocks_mapped() const { return arena_.blocks_mapped() + gradients_.blocks_mapped(); }

  /// Leaves: without a gradient; with one of its own, in the arena; a parameter, whose gradient is the
  /// store's.
  Var constant(Tensor<T> value) { return add({.value = value, .operation = "constant"}); }
  Var variable(Tensor<T> value) {
    return add({.value = value, .operation = "variable", .needs_gradient = true});
  }
  Var parameter(ParameterStore<T>& store, ParameterId id);

  Tensor<T> allocate(Shape shape) { return {arena_.allocate<T>(shape.size()), shape}; }
  template <class Backward>
  Var record(const char* operation, Tensor<T> value, std::initializer_list<Var> inputs, Backward backward);

  const Tensor<T>& value(Var v) const { return node(v).value; }
  bool needs_gradient(Var v) const { return node(v).needs_gradient; }
  const char* operation(Var v) const { return node(v).operation; }

  /// During backward: where to add the gradient of v.
  GradientSlot<T> gradient_slot(Var v);
  /// The same for one row of v. A row-sparse parameter remembers the row; any other gradient is zeroed first
  /// if it is unwritten. Not thread-safe.
  GradientSlot<T> gradient_row_slot(Var v, Index row);

  /// Walks back from v, a scalar whose gradient is 1, or any node with the given gradient of its shape.
  /// Throws Error if this tape does not record.
  void backward(Var v);
  void backward(Var v, Tensor<const T> gradient);
  /// After backward: the gradient of v, or data == nullptr if none arrived (a parameter's is always its
  /// store's).
  Tensor<const T> gradient(Var v) const;

  /// Names a value (or `columns` columns of each of its rows from `first` on) for inspection.
  void name(ActivationName name, Tensor<T> value) { names_.push_back({name, value, value.columns()}); }
  void name_columns(ActivationName name, Tensor<T> value, Index first, Index columns);
  const std::vector<NamedTensor<T>>& names() const { return names_; }

  /// The first node in order of creation whose value, or the first on the way back whose gradient, is not
  /// finite: the name of the nearest named activation and the operation; empty if all are finite.
  std::string first_non_finite_value() const;
  std::string first_non_finite_gradient() const;

  /// For tapes that do not record: copies `result` over the value of `kept`, which has its shape and is older
  /// than the mark, and frees all that was made since the mark.
  struct Mark {
    Arena::Mark arena;
    std::size_t nodes, names;
  };
  Mark mark() const { return {arena_.mark(), nodes_.size(), names_.size()}; }
  void rewind_into(Mark mark, Var kept, Var result);

 private:
  struct Node {
    Tensor<T> value;
    const char* operation;
    bool needs_gradient = false;
    bool gradient_written = false;
    T* gradient = nullptr;
    ParameterStore<T>* store = nullptr;
    ParameterId parameter{};
    void* backward = nullptr;  // the closure, in the arena
    void (*call)(Tape&, void*, Tensor<const T>) = nullptr;
  };

  Var add(const Node& node);
  const Node& node(Var v) const {
    if (v.step != step_ || v.id >= nodes_.size())
      throw Error(v.valid() ? "[tape] a handle is used after reset()" : "[tape] an empty handle is used");
    return nodes_[v.id];
  }
  Node& node(Var v) { return const_cast<Node&>(std::as_const(*this).node(v)); }
  std::string describe(std::size_t id) const;

  Recording recording_;
  Arena arena_, gradients_;  // gradients apart: scratch memory of a backward function must not free them
  std::vector<Node> nodes_;
  std::vector<NamedTensor<T>> names_;
  std::uint32_t step_ = 1;
};

template <class T>
template <class Backward>
Var Tape<T>::record(const char* operation, Tensor<T> value, std::initializer_list<Var> inputs,
                    Backward backward) {
  static_assert(std::is_trivially_destructible_v<Backward>);
  Node n{.value = value, .operation = operation};
  if (recording_ == Recording::on) {
    for (Var v : inputs) n.needs_gradient = n.needs_gradient || (v.valid() && needs_gradient(v));
    if (n.needs_gradient) {
      n.backward = new (arena_.allocate<Backward>(1)) Backward(backward);
      n.call = [](Tape& tape, void* closure, Tensor<const T> dy) {
        (*static_cast<Backward*>(closure))(tape, dy);
      };
    }
  }
  return add(n);
}

}  // namespace slalom
