#include "slalom/kernels/small_gemm.hpp"

#include <cstring>

namespace slalom {

namespace {

// 64 bytes of lanes; GCC lowers the operations to whatever vectors the machine has.
template <class T>
struct LanesOf {
  typedef T type __attribute__((vector_size(64)));
};
template <class T>
using Lanes = typename LanesOf<T>::type;
template <class T>
constexpr Index kLanes = 64 / static_cast<Index>(sizeof(T));

template <class T>
Lanes<T> load(const T* p, Index count) {
  Lanes<T> v{};
  std::memcpy(&v, p, static_cast<std::size_t>(count) * sizeof(T));
  return v;
}

// ROWS rows by VECTORS · lanes columns; of the last vector only `last` columns are used, all of them if
// WHOLE.
template <int ROWS, int VECTORS, bool WHOLE, class T>
void tile(Index k, T scale, Strided<T> a, const T* b, Index b_stride, T beta, T* c, Index c_stride,
          Index last) {
  const auto count = [&](int v) { return WHOLE || v < VECTORS - 1 ? kLanes<T> : last; };
  Lanes<T> sum[ROWS][VECTORS] = {};
  for (Index l = 0; l < k; ++l) {
    Lanes<T> row[VECTORS];
    for (int v = 0; v < VECTORS; ++v) row[v] = load(b + l * b_stride + v * kLanes<T>, count(v));
    for (int r = 0; r < ROWS; ++r) {
      const T x = a.data[r * a.row + l * a.column];
      for (int v = 0; v < VECTORS; ++v) sum[r][v] += x * row[v];
    }
  }
  for (int r = 0; r < ROWS; ++r)
    for (int v = 0; v < VECTORS; ++v) {
      T* out = c + r * c_stride + v * kLanes<T>;
      Lanes<T> result = scale * sum[r][v];
      if (beta != T{0}) result += beta * load(out, count(v));
      std::memcpy(out, &result, static_cast<std::size_t>(count(v)) * sizeof(T));
    }
}

template <int VECTORS, bool WHOLE, class T>
void column_strip(Index m, Index k, T scale, Strided<T> a, const T* b, Index b_stride, T beta, T* c,
                  Index c_stride, Index last) {
  const auto at = [&](Index row) { return Strided<T>{a.data + row * a.row, a.row, a.column}; };
  Index i = 0;
  for (; i + 4 <= m; i += 4)
    tile<4, VECTORS, WHOLE>(k, scale, at(i), b, b_stride, beta, c + i * c_stride, c_stride, last);
  for (; i < m; ++i)
    tile<1, VECTORS, WHOLE>(k, scale, at(i), b, b_stride, beta, c + i * c_stride, c_stride, last);
}

}  // namespace

template <class T>
void small_gemm(Index m, Index n, Index k, T scale, Strided<T> a, const T* b, Index b_stride, T beta, T* c,
                Index c_stride) {
  constexpr Index L = kLanes<T>;
  Index j = 0;
  for (; j + 4 * L <= n; j += 4 * L)
    column_strip<4, true>(m, k, scale, a, b + j, b_stride, beta, c + j, c_stride, L);
  for (; j + 2 * L <= n; j += 2 * L)
    column_strip<2, true>(m, k, scale, a, b + j, b_stride, beta, c + j, c_stride, L);
  for (; j + L <= n; j += L) column_strip<1, true>(m, k, scale, a, b + j, b_stride, beta, c + j, c_stride, L);
  if (j < n) column_strip<1, false>(m, k, scale, a, b + j, b_stride, beta, c + j, c_stride, n - j);
}

template void small_gemm(Index, Index, Index, float, Strided<float>, const float*, Index, float, float*,
                         Index);
template void small_gemm(Index, Index, Index, double, Strided<double>, const double*, Index, double, double*,
                         Index);

}  // namespace slalom
