#include "slalom/autograd/tape.hpp"

#include <algorithm>
#include <cmath>

namespace slalom {

std::string to_string(const ActivationName& name) {
  return name.layer < 0 ? name.stem : concat("blocks.", name.layer, ".", name.stem);
}

template <class T>
void Tape<T>::reset() {
  nodes_.clear();
  names_.clear();
  arena_.reset();
  gradients_.reset();
  ++step_;
}

template <class T>
Var Tape<T>::add(const Node& node) {
  nodes_.push_back(node);
  return {static_cast<std::uint32_t>(nodes_.size() - 1), step_};
}

template <class T>
Var Tape<T>::parameter(ParameterStore<T>& store, ParameterId id) {
  return add({.value = store.value(id),
              .operation = "parameter",
              .needs_gradient = recording_ == Recording::on,
              .store = &store,
              .parameter = id});
}

template <class T>
GradientSlot<T> Tape<T>::gradient_slot(Var v) {
  Node& n = node(v);
  if (n.store != nullptr) return n.store->gradient_slot(n.parameter);
  const bool first = !n.gradient_written;
  if (n.gradient == nullptr) n.gradient = gradients_.allocate<T>(n.value.size());
  n.gradient_written = true;
  return {n.gradient, first ? T{0} : T{1}};
}

template <class T>
GradientSlot<T> Tape<T>::gradient_row_slot(Var v, Index row) {
  const Node& n = node(v);
  if (n.store != nullptr && n.store->kind(n.parameter) == GradientKind::row_sparse)
    return n.store->row_slot(n.parameter, row);
  const GradientSlot<T> whole = gradient_slot(v);
  if (whole.beta == T{0}) std::fill_n(whole.data, n.value.size(), T{0});
  return {whole.data + row * n.value.columns(), T{1}};
}

template <class T>
void Tape<T>::backward(Var v) {
  if (value(v).size() != 1)
    throw Error(concat("[backward] the start has shape ", to_string(value(v).shape), ", wanted a scalar"));
  const T one = 1;
  backward(v, {&one, value(v).shape});
}

template <class T>
void Tape<T>::backward(Var v, Tensor<const T> gradient) {
  if (recording_ == Recording::off) throw Error("[backward] this tape does not record");
  if (gradient.shape != value(v).shape)
    throw Error(concat("[backward] the gradient has shape ", to_string(gradient.shape), ", the start ",
                       to_string(value(v).shape)));
  if (!needs_gradient(v)) return;
  const GradientSlot<T> start = gradient_slot(v);
  for (Index i = 0; i < gradient.size(); ++i)
    start.data[i] = (start.beta == T{0} ? T{0} : start.data[i]) + gradient.data[i];
  for (std::size_t id = v.id + std::size_t{1}; id-- > 0;) {
    // A copy: the call may add to nodes_' gradients, never to nodes_ itself.
    const Node n = nodes_[id];
    if (n.call != nullptr && n.gradient_written) n.call(*this, n.backward, {n.gradient, n.value.shape});
  }
}

template <class T>
Tensor<const T> Tape<T>::gradient(Var v) const {
  const Node& n = node(v);
  if (n.store != nullptr) return {n.store->gradient(n.parameter).data, n.value.shape};
  return {n.gradient_written ? n.gradient : nullptr, n.value.shape};
}

template <class T>
void Tape<T>::name_columns(ActivationName name, Tensor<T> value, Index first, Index columns) {
  Shape shape = value.shape;
  shape.extent[static_cast<std::size_t>(shape.rank - 1)] = columns;
  names_.push_back({name, {value.data + first, shape}, value.columns()});
}

namespace {

template <class T>
bool finite(const T* data, Index n) {
  return data == nullptr || std::all_of(data, data + n, [](T x) { return std::isfinite(x); });
}

}  // namespace

template <class T>
std::string Tape<T>::describe(std::size_t id) const {
  std::string operation = nodes_[id].operation;
  if (nodes_[id].store != nullptr) return nodes_[id].store->name(nodes_[id].parameter) + " (parameter)";
  // An unnamed node is described by the first name given at or after it.
  for (; id < nodes_.size(); ++id)
    for (const NamedTensor<T>& named : names_)
      if (named.tensor.data == nodes_[id].value.data)
        return concat(to_string(named.name), " (", operation, ")");
  return operation;
}

template <class T>
std::string Tape<T>::first_non_finite_value() const {
  for (std::size_t id = 0; id < nodes_.size(); ++id) {
    const Node& n = nodes_[id];
    // Of an embedding table only the rows in use matter, and those show in the next node.
    const bool table = n.store != nullptr && n.store->kind(n.parameter) == GradientKind::row_sparse;
    if (!table && !finite(n.value.data, n.value.size())) return describe(id);
  }
  return {};
}

template <class T>
std::string Tape<T>::first_non_finite_gradient() const {
  for (std::size_t id = nodes_.size(); id-- > 0;) {
    const Node& n = nodes_[id];
    if (n.store != nullptr ? !n.store->finite_gradient(n.parameter)
                           : n.gradient_written && !finite(n.gradient, n.value.size()))
      return describe(id);
  }
  return {};
}

template <class T>
void Tape<T>::rewind_into(Mark mark, Var kept, Var result) {
  if (recording_ == Recording::on) throw Error("[tape] rewind_into() needs a tape that does not record");
  const Tensor<T>&from = value(result), &to = value(kept);
  if (from.shape != to.shape || kept.id >= mark.nodes)
    throw Error(concat("[tape] ", to_string(from.shape), " cannot replace ", to_string(to.shape)));
  std::copy_n(from.data, from.size(), to.data);
  nodes_.resize(mark.nodes, nodes_.front());
  names_.resize(mark.names, {});
  arena_.rewind(mark.arena);
}

template class Tape<float>;
template class Tape<double>;

}  // namespace slalom
