// Matrix products: the one place that calls BLAS, always on one BLAS thread a block.
#pragma once

#include <string>

#include "slalom/base/parallel.hpp"

namespace slalom {

/// Row-major factors as they lie in memory.
enum class Layout { plain, transposed };

/// A factor op(A): pointer, leading dimension (scalars between rows as stored), and whether it is used
/// transposed.
template <class T>
struct Factor {
  const T* data;
  Index stride;
  Layout layout = Layout::plain;
};

/// Width of the column blocks a product with n output columns is cut into: a function of n alone.
inline Index column_block(Index n) {
  return n >= 768 ? 192 : 64;
}

/// Columns [first, last) of C (m, n; leading dimension c_stride) ← op(A) (m, k) · op(B) (k, n) + beta · C, on
/// the calling thread. With beta = 0, C need not be initialised.
template <class T>
void gemm_columns(Index first, Index last, Index m, Index k, Factor<T> a, Factor<T> b, T beta, T* c,
                  Index c_stride);

/// The whole product, cut into column blocks that the threads share.
template <class T>
void gemm(Index m, Index n, Index k, Factor<T> a, Factor<T> b, T beta, T* c, Index c_stride) {
  parallel_ranges(n, column_block(n),
                  [&](Index first, Index last) { gemm_columns(first, last, m, k, a, b, beta, c, c_stride); });
}

/// Name of the kernels OpenBLAS runs ("SkylakeX", "Haswell", …).
std::string blas_core();

/// Both libraries below read their settings before main. If one of them has to change, this sets it and
/// starts the program again; call it first in main.
///  - OpenBLAS 0.3.21 chooses AVX2 kernels on AVX-512 machines it does not know, and so do environments that
///  set
///    OPENBLAS_CORETYPE for every program, at half the rate. The environment variable SLALOM_BLAS_CORE turns
///    the correction off ("keep") or names the kernels to use.
///  - OpenMP's waiting threads are told to spin for microseconds only, unless GOMP_SPINCOUNT or
///  OMP_WAIT_POLICY says otherwise.
void configure_runtime(char** argv);

/// Rate of float products of the shape (340, 768) · (768, 768) in GFLOP/s, the best of a few runs of
/// `seconds` in all, split as gemm splits them.
double measure_gemm_rate(double seconds);

}  // namespace slalom
