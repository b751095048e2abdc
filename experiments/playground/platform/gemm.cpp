// Matrix products without BLAS: a transposed factor is copied, and the attention's kernel multiplies.
#include "slalom/kernels/gemm.hpp"

#include <vector>

#include "slalom/kernels/small_gemm.hpp"

namespace slalom {

void check_memory_of_products() {}

template <class T>
void gemm_block(const GemmBlock& block, Index k, Factor<T> a, Factor<T> b, T beta, T* c, Index c_stride) {
  const Index n = block.last_column - block.first_column;
  const Strided<T> rows = a.layout == Layout::plain
                              ? Strided<T>{a.data + block.first_row * a.stride, a.stride, 1}
                              : Strided<T>{a.data + block.first_row, 1, a.stride};
  const T* columns =
      b.data + (b.layout == Layout::plain ? block.first_column : block.first_column * b.stride);
  std::vector<T> copied;
  if (b.layout == Layout::transposed) {
    copied.resize(static_cast<std::size_t>(k * n));
    for (Index j = 0; j < n; ++j)
      for (Index i = 0; i < k; ++i) copied[static_cast<std::size_t>(i * n + j)] = columns[j * b.stride + i];
    columns = copied.data();
  }
  constexpr Index kStrip = 64 / sizeof(T);  // wider ones need more registers than WebAssembly's machines have
  for (Index j = 0; j < n; j += kStrip)
    small_gemm<T>(block.rows(), std::min(kStrip, n - j), k, T{1}, rows, columns + j,
                  copied.empty() ? b.stride : n, beta,
                  c + block.first_row * c_stride + block.first_column + j, c_stride);
}

template void gemm_block(const GemmBlock&, Index, Factor<float>, Factor<float>, float, float*, Index);

}  // namespace slalom
