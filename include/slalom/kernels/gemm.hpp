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

/// A part of C: rows and columns [first, last).
struct GemmBlock {
  Index first_row, last_row, first_column, last_column;
  Index rows() const { return last_row - first_row; }
};

/// How many threads, at most `wanted`, the system has address space for; it may be limited. OpenBLAS asks
/// again without end where it is refused.
int threads_with_memory(int wanted);
/// Throws Error if those are fewer than `count`.
void check_memory_of_threads(int count);
/// The same of threads(), once in a process.
void check_memory_of_products();

/// Calls body(GemmBlock) for the blocks that a product of m rows and n columns is cut into, on all threads.
/// The cut is a function of m and n alone. Wide blocks pack their factors less often, so few of them are best
/// where two threads share the work; tall products are cut in rows, too, and then there are enough for many
/// threads.
/// Throws Error if the system refuses the memory of the first product of the process.
template <class Body>
void for_each_gemm_block(Index m, Index n, const Body& body) {
  check_memory_of_products();
  const Index width = n >= 3072 ? 768 : n >= 768 ? 384 : 64, height = m >= 4096 ? 1024 : m;
  const Index across = ceil_div(n, width), down = height == 0 ? 0 : ceil_div(m, height);
  parallel_for(across * down, [&](Index block) {
    const Index row = block / across * height, column = block % across * width;
    body(GemmBlock{row, std::min(m, row + height), column, std::min(n, column + width)});
  });
}

/// One block of C (m, n; leading dimension c_stride) ← op(A) (m, k) · op(B) (k, n) + beta · C, on the calling
/// thread. With beta = 0, C need not be initialised.
template <class T>
void gemm_block(const GemmBlock& block, Index k, Factor<T> a, Factor<T> b, T beta, T* c, Index c_stride);

/// The whole product, cut into blocks that the threads share.
template <class T>
void gemm(Index m, Index n, Index k, Factor<T> a, Factor<T> b, T beta, T* c, Index c_stride) {
  for_each_gemm_block(m, n, [&](const GemmBlock& block) { gemm_block(block, k, a, b, beta, c, c_stride); });
}

/// Name of the kernels OpenBLAS runs ("SkylakeX", "Haswell", …).
std::string blas_core();

/// Both libraries below read their settings before main. If one of them has to change, this sets it and
/// starts the program again; call it first in main.
///  - OpenBLAS 0.3.21 chooses AVX2 kernels on AVX-512 machines it does not know, and so do environments that
///  set
///    OPENBLAS_CORETYPE for every program, at half the rate. The environment variable SLALOM_BLAS_CORE turns
///    the correction off ("keep") or names the kernels to use.
///  - OpenBLAS is told to start no threads.
///  - OpenMP's waiting threads are told to spin for a tenth of a millisecond at most, unless GOMP_SPINCOUNT
///  or OMP_WAIT_POLICY says otherwise.
void configure_runtime(char** argv);

/// OpenBLAS's rate of float products of the shape (340, 768) · (768, 768) in GFLOP/s, the best of a few runs
/// of `seconds` in all, split as gemm splits them.
double measure_gemm_rate(double seconds);

}  // namespace slalom
