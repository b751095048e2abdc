// Products of the size of one attention head, on the calling thread: BLAS costs more to call than they take.
#pragma once

#include "slalom/base/index.hpp"

namespace slalom {

/// Element (i, k) of A is data[i · row + k · column]: plain (stride, 1) or transposed (1, stride).
template <class T>
struct Strided {
  const T* data;
  Index row, column;
};

/// C (m, n; stride c_stride) ← beta · C + scale · A (m, k) · B (k, n; stride b_stride). Sums run over k in
/// order.
template <class T>
void small_gemm(Index m, Index n, Index k, T scale, Strided<T> a, const T* b, Index b_stride, T beta, T* c,
                Index c_stride);

}  // namespace slalom
