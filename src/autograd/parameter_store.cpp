#include "slalom/autograd/parameter_store.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "slalom/base/error.hpp"

namespace slalom {

std::string to_string(const Shape& shape) {
  std::string out = "(";
  for (int a = 0; a < shape.rank; ++a) out += (a ? ", " : "") + std::to_string(shape[a]);
  return out + ")";
}

template <class T>
ParameterId ParameterStore<T>::add(std::string name, Shape shape, GradientKind kind) {
  if (values_.data() != nullptr) throw Error(concat("[parameters] ", name, " comes after allocate()"));
  if (find(name).valid()) throw Error(concat("[parameters] ", name, " is registered twice"));
  for (int a = 0; a < shape.rank; ++a)
    if (shape[a] <= 0)
      throw Error(
          concat("[parameters] ", name, " has shape ", to_string(shape), ", wanted positive extents"));
  entries_.push_back({std::move(name), shape, kind, 0, false, {}, {}});
  return {count() - 1};
}

template <class T>
void ParameterStore<T>::allocate() {
  constexpr Index kAlign = 64 / sizeof(T);
  Index end = 0;
  for (Entry& e : entries_) {
    e.offset = end;
    end += ceil_div(e.shape.size(), kAlign) * kAlign;
    if (e.kind == GradientKind::row_sparse) {
      const auto rows = static_cast<std::size_t>(e.shape.rows());
      e.is_touched.assign(rows, false);
      e.touched.reserve(std::min<std::size_t>(rows, 4096));
    }
  }
  block_size_ = end;
  values_ = MappedMemory(static_cast<std::size_t>(end) * sizeof(T));
  gradients_ = MappedMemory(static_cast<std::size_t>(end) * sizeof(T));
}

template <class T>
ParameterId ParameterStore<T>::find(const std::string& name) const {
  for (int i = 0; i < count(); ++i)
    if (entries_[static_cast<std::size_t>(i)].name == name) return {i};
  return {};
}

template <class T>
Index ParameterStore<T>::scalars() const {
  Index n = 0;
  for (const Entry& e : entries_) n += e.shape.size();
  return n;
}

template <class T>
void ParameterStore<T>::clear_gradients() {
  for (Entry& e : entries_) {
    e.written = false;
    for (Index r : e.touched) e.is_touched[static_cast<std::size_t>(r)] = false;
    e.touched.clear();
  }
}

template <class T>
GradientSlot<T> ParameterStore<T>::gradient_slot(ParameterId id) {
  const bool written = std::exchange(entry(id).written, true);
  return {gradient(id).data, written ? T{1} : T{0}};
}

template <class T>
GradientSlot<T> ParameterStore<T>::row_slot(ParameterId id, Index row) {
  Entry& e = entry(id);
  const bool touched = e.is_touched[static_cast<std::size_t>(row)];
  if (!touched) {
    e.is_touched[static_cast<std::size_t>(row)] = true;
    e.touched.push_back(row);
  }
  return {gradient(id).row(row), touched ? T{1} : T{0}};
}

template <class T>
void ParameterStore<T>::finish_gradients() {
  for (int i = 0; i < count(); ++i)
    if (entry({i}).kind == GradientKind::dense) {
      const GradientSlot<T> slot = gradient_slot({i});
      if (slot.beta == T{0}) std::ranges::fill(gradient({i}).span(), T{0});
    }
}

template <class T>
bool ParameterStore<T>::finite_gradient(ParameterId id) const {
  const Entry& e = entry(id);
  const auto finite = [](const T* x, Index n) {
    return std::all_of(x, x + n, [](T v) { return std::isfinite(v); });
  };
  const Tensor<T> g = gradient(id);
  if (e.kind == GradientKind::dense) return !e.written || finite(g.data, g.size());
  return std::ranges::all_of(e.touched, [&](Index r) { return finite(g.row(r), g.columns()); });
}

template class ParameterStore<float>;
template class ParameterStore<double>;

}  // namespace slalom
