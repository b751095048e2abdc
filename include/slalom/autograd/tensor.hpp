// Shapes and views: who owns the memory is said elsewhere (Arena, ParameterStore, MappedMemory).
#pragma once

#include <array>
#include <initializer_list>
#include <span>
#include <string>

#include "slalom/base/index.hpp"

namespace slalom {

/// Up to four extents, row-major. A scalar has rank 0 and size 1.
struct Shape {
  std::array<Index, 4> extent{};
  int rank = 0;

  Shape() = default;
  Shape(std::initializer_list<Index> extents) {
    for (Index e : extents) extent[static_cast<std::size_t>(rank++)] = e;
  }
  Index operator[](int axis) const { return extent[static_cast<std::size_t>(axis)]; }
  Index size() const { return rows() * columns(); }
  /// Last extent (1 for a scalar), and the product of all the others.
  Index columns() const { return rank == 0 ? 1 : (*this)[rank - 1]; }
  Index rows() const {
    Index n = 1;
    for (int a = 0; a + 1 < rank; ++a) n *= (*this)[a];
    return n;
  }
  bool operator==(const Shape&) const = default;
};

/// "(340, 768)"
std::string to_string(const Shape& shape);

/// Contiguous, row-major, not owning.
template <class T>
struct Tensor {
  T* data = nullptr;
  Shape shape;

  Index size() const { return shape.size(); }
  Index rows() const { return shape.rows(); }
  Index columns() const { return shape.columns(); }
  T* row(Index r) const { return data + r * columns(); }
  std::span<T> span() const { return {data, static_cast<std::size_t>(size())}; }
  operator Tensor<const T>() const { return {data, shape}; }
};

}  // namespace slalom
