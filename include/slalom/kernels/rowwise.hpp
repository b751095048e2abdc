// Kernels that go row by row or column by column. R rows, D columns, row-major; `dx` is the gradient of `x`.
// Every output marked += honours beta, 0 or 1: x ← beta · x + result, and with beta = 0 the old x is not
// read.
#pragma once

#include "slalom/base/index.hpp"
#include "slalom/kernels/math.hpp"

namespace slalom {

/// post (R, D) ← f(pre + bias) for columns [first, last), pre ← pre + bias; pre and post may be the same
/// memory.
template <class T>
void bias_activation_columns(Index first, Index last, Index R, Index D, const T* bias, Activation f, T* pre,
                             T* post);

/// dpre (R, D) ← dpost · f′(pre), and db (D) += column sums of dpre. dpre may be dpost; db may be null,
/// and dpre too if f is none.
template <class T>
void bias_activation_backward(Index R, Index D, Activation f, const T* pre, const T* dpost, T* dpre, T beta,
                              T* db);

/// y ← beta · y + x, n scalars.
template <class T>
void accumulate(Index n, const T* x, T beta, T* y);

/// y (R, D) = (x − mean) · rstd · weight + bias; rstd (R) = 1 / √(variance + eps) and mean (R) are kept.
/// RMSNorm, with null for mean: mean = 0, and the variance is the mean square.
template <class T>
void layer_norm(Index R, Index D, const T* x, const T* weight, const T* bias, T eps, T* y, T* mean, T* rstd);

/// dx (R, D) ← rstd (g − mean(g) − x̂ mean(g x̂)) with g = dy · weight, x̂ = (x − mean) rstd; dweight += Σ dy x̂;
/// dbias += Σ dy. RMSNorm, with null for mean: dx ← rstd (g − x̂ mean(g x̂)), x̂ = x rstd. scratch holds
/// layer_norm_scratch(R, D) scalars.
template <class T>
void layer_norm_backward(Index R, Index D, const T* x, const T* weight, const T* mean, const T* rstd,
                         const T* dy, T* dx, T beta_weight, T* dweight, T beta_bias, T* dbias, T* scratch);
Index layer_norm_scratch(Index R, Index D);

/// One row: p ← softmax(x) over n columns; returns log Σ e^x. x and p may be the same memory.
template <class T>
T softmax_row(Index n, const T* x, T* p);

/// One row: dx += p (dp − Σ p dp).
template <class T>
void softmax_row_backward(Index n, const T* p, const T* dp, T beta, T* dx);

}  // namespace slalom
