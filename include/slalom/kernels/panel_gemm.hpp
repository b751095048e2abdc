// Products of floats with AVX-512 on the calling thread, for factors that OpenBLAS spends too long copying.
#pragma once

#include "slalom/kernels/small_gemm.hpp"

namespace slalom {

/// Whether panel_gemm() is compiled in and the faster one: it wants n to be a multiple of 32, and of small
/// products only those with a transposed B.
bool panel_gemm_pays(Index m, Index n, Index k, bool b_transposed);

/// C (m, n; stride c_stride) ← beta · C + A (m, k) · B (k, n), B as stored or, if b_transposed, the transpose
/// of what is stored with stride b_stride. Each number is a sum of fused multiply-adds over k in order, cut
/// where OpenBLAS 0.3.21 cuts it for SkylakeX: both give the same bits.
void panel_gemm(Index m, Index n, Index k, Strided<float> a, const float* b, Index b_stride,
                bool b_transposed, float beta, float* c, Index c_stride);

}  // namespace slalom
