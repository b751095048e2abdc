#include "slalom/kernels/rowwise.hpp"

#include <algorithm>
#include <cmath>

#include "slalom/base/parallel.hpp"

namespace slalom {

namespace {

constexpr Index kRowBlock = 16;     // rows a thread takes at a time
constexpr Index kColumnBlock = 64;  // columns, where sums run down the rows

// Calls body with the activation as a compile-time constant, so that its loop becomes vector code.
template <class Body>
void with_activation(Activation f, const Body& body) {
  switch (f) {
    case Activation::none:
      return body.template operator()<Activation::none>();
    case Activation::gelu_erf:
      return body.template operator()<Activation::gelu_erf>();
    case Activation::gelu_tanh:
      return body.template operator()<Activation::gelu_tanh>();
    case Activation::relu:
      return body.template operator()<Activation::relu>();
    case Activation::tanh:
      return body.template operator()<Activation::tanh>();
  }
}

}  // namespace

template <class T>
void bias_activation_columns(Index first, Index last, Index R, Index D, const T* bias, Activation f, T* pre,
                             T* post) {
  with_activation(f, [&]<Activation A>() {
    for (Index r = 0; r < R; ++r) {
      T *u = pre + r * D, *y = post + r * D;
#pragma omp simd
      for (Index j = first; j < last; ++j) {
        const T x = bias == nullptr ? u[j] : u[j] + bias[j];
        u[j] = x;
        y[j] = activate<A>(x);
      }
    }
  });
}

template <class T>
void bias_activation_backward(Index R, Index D, Activation f, const T* pre, const T* dpost, T* dpre, T beta,
                              T* db) {
  parallel_ranges(D, kColumnBlock, [&](Index first, Index last) {
    T sum[kColumnBlock] = {};
    with_activation(f, [&]<Activation A>() {
      for (Index r = 0; r < R; ++r) {
        const T *u = pre + r * D + first, *dy = dpost + r * D + first;
#pragma omp simd
        for (Index j = 0; j < last - first; ++j) {
          const T g = A == Activation::none ? dy[j] : dy[j] * activate_slope<A>(u[j]);
          if constexpr (A != Activation::none) dpre[r * D + first + j] = g;
          sum[j] += g;
        }
      }
    });
    if (db != nullptr)
      for (Index j = first; j < last; ++j) db[j] = (beta == T{0} ? T{0} : db[j]) + sum[j - first];
  });
}

template <class T>
void accumulate(Index n, const T* x, T beta, T* y) {
  parallel_ranges(n, 16384, [&](Index first, Index last) {
    if (beta == T{0}) {
      std::copy(x + first, x + last, y + first);
    } else {
#pragma omp simd
      for (Index i = first; i < last; ++i) y[i] += x[i];
    }
  });
}

template <class T>
void layer_norm(Index R, Index D, const T* x, const T* weight, const T* bias, T eps, T* y, T* mean, T* rstd) {
  parallel_ranges(R, kRowBlock, [&](Index first, Index last) {
    for (Index r = first; r < last; ++r) {
      const T* u = x + r * D;
      T* out = y + r * D;
      T sum = 0, squares = 0;
#pragma omp simd reduction(+ : sum)
      for (Index j = 0; j < D; ++j) sum += u[j];
      const T m = mean == nullptr ? T{0} : sum / static_cast<T>(D);
#pragma omp simd reduction(+ : squares)
      for (Index j = 0; j < D; ++j) squares += (u[j] - m) * (u[j] - m);
      const T scale = 1 / std::sqrt(squares / static_cast<T>(D) + eps);
#pragma omp simd
      for (Index j = 0; j < D; ++j) out[j] = (u[j] - m) * scale * weight[j] + bias[j];
      if (mean != nullptr) mean[r] = m;
      rstd[r] = scale;
    }
  });
}

Index layer_norm_scratch(Index R, Index D) {
  return ceil_div(R, kRowBlock) * 2 * D;
}

template <class T>
void layer_norm_backward(Index R, Index D, const T* x, const T* weight, const T* mean, const T* rstd,
                         const T* dy, T* dx, T beta_weight, T* dweight, T beta_bias, T* dbias, T* scratch) {
  // Each block of rows leaves its share of dweight and dbias in scratch; they are added in block order
  // afterwards.
  parallel_ranges(R, kRowBlock, [&](Index first, Index last) {
    T *dw = scratch + first / kRowBlock * 2 * D, *db = dw + D;
    std::fill(dw, dw + 2 * D, T{0});
    for (Index r = first; r < last; ++r) {
      const T *u = x + r * D, *g = dy + r * D;
      T* du = dx + r * D;
      const T m = mean == nullptr ? T{0} : mean[r], scale = rstd[r];
      T sum = 0, dot = 0;
#pragma omp simd reduction(+ : sum, dot)
      for (Index j = 0; j < D; ++j) {
        const T normalised = (u[j] - m) * scale, gw = g[j] * weight[j];
        sum += gw;
        dot += gw * normalised;
        dw[j] += g[j] * normalised;
        db[j] += g[j];
      }
      sum = mean == nullptr ? T{0} : sum / static_cast<T>(D);
      dot /= static_cast<T>(D);
#pragma omp simd
      for (Index j = 0; j < D; ++j) du[j] = scale * (g[j] * weight[j] - sum - (u[j] - m) * scale * dot);
    }
  });
  parallel_ranges(D, kColumnBlock, [&](Index first, Index last) {
    const Index blocks = ceil_div(R, kRowBlock);
    for (Index j = first; j < last; ++j) {
      T dw = 0, db = 0;
      for (Index b = 0; b < blocks; ++b) {
        dw += scratch[b * 2 * D + j];
        db += scratch[b * 2 * D + D + j];
      }
      dweight[j] = (beta_weight == T{0} ? T{0} : dweight[j]) + dw;
      dbias[j] = (beta_bias == T{0} ? T{0} : dbias[j]) + db;
    }
  });
}

template <class T>
T softmax_row(Index n, const T* x, T* p) {
  T top = x[0], sum = 0;
#pragma omp simd reduction(max : top)
  for (Index j = 0; j < n; ++j) top = x[j] > top ? x[j] : top;
#pragma omp simd reduction(+ : sum)
  for (Index j = 0; j < n; ++j) {
    const T e = fast_exp(x[j] - top);
    p[j] = e;
    sum += e;
  }
  const T inverse = 1 / sum;
#pragma omp simd
  for (Index j = 0; j < n; ++j) p[j] *= inverse;
  return top + std::log(sum);
}

template <class T>
void softmax_row_backward(Index n, const T* p, const T* dp, T beta, T* dx) {
  T dot = 0;
#pragma omp simd reduction(+ : dot)
  for (Index j = 0; j < n; ++j) dot += p[j] * dp[j];
  if (beta == T{0}) {
#pragma omp simd
    for (Index j = 0; j < n; ++j) dx[j] = p[j] * (dp[j] - dot);
  } else {
#pragma omp simd
    for (Index j = 0; j < n; ++j) dx[j] += p[j] * (dp[j] - dot);
  }
}

#define SLALOM_INSTANTIATE(T)                                                                              \
  template void bias_activation_columns(Index, Index, Index, Index, const T*, Activation, T*, T*);         \
  template void bias_activation_backward(Index, Index, Activation, const T*, const T*, T*, T, T*);         \
  template void accumulate(Index, const T*, T, T*);                                                        \
  template void layer_norm(Index, Index, const T*, const T*, const T*, T, T*, T*, T*);                     \
  template void layer_norm_backward(Index, Index, const T*, const T*, const T*, const T*, const T*, T*, T, \
                                    T*, T, T*, T*);                                                        \
  template T softmax_row(Index, const T*, T*);                                                             \
  template void softmax_row_backward(Index, const T*, const T*, T, T*);
SLALOM_INSTANTIATE(float)
SLALOM_INSTANTIATE(double)
#undef SLALOM_INSTANTIATE

}  // namespace slalom
