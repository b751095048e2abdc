// Layer-wise relevance propagation: every value z of the network gets a share R of the log-odds, from the
// last layer to the first. A layer that computes z_j of inputs x_i hands R_j on to them in proportion to what
// each contributed to z_j, so that Σ_i R_i = Σ_j R_j but for what a rule absorbs (S. Bach et al., PLoS ONE
// 2015). What transformers need beside linear layers is AttnLRP's (Achtibat et al. 2024, section 3).
//
// Here R is carried as the coefficient g = R / z of its value, that is, as the slope of a linear map that has
// the value R at z. In these coefficients the rules are those of a backward pass:
//  - Linear z_j = Σ_i w_ji x_i + b_j, the epsilon rule. Its R_i = Σ_j w_ji x_i R_j / (z_j + ε sign z_j) gives
//        g_i = Σ_j w_ji g_j |z_j| / (|z_j| + ε):
//    one product with the weights as for a gradient, and nothing is divided by a value near 0. z = 0 has no
//    relevance. What it loses of Σ R is Σ b_j g_j to the bias and z_j g_j ε / (|z_j| + ε) to ε.
//  - Activations y = f(x) keep R: g_x = g_y y / x, the slope of the secant through 0 where a gradient takes
//    that of the tangent.
//  - Softmax p of scores x: the linear part of its Taylor expansion at x (Proposition 3.1),
//        R_i = x_i (R_i − p_i Σ_j R_j),   in coefficients   g_i = p_i (c_i − Σ_j p_j c_j)
//    with c_j that of p_j: the gradient of softmax. Its value at x is no part of the linear map; that
//    remainder, Σ p_j c_j − Σ x_i g_i, is absorbed.
//  - Products z = Σ_i a_i b_i, bilinear: each factor of a term gets half of it, R_i = a_i b_i R / (2 z),
//        g(a_i) = b_i g / 2,   g(b_i) = a_i g / 2:   half of the gradient.
//  - LayerNorm with its standard deviation held constant is linear in x, and the linear rule applies.
//
// S tokens, D width, H heads of width d, F feed-forward width, C classes.
#pragma once

#include <cmath>
#include <vector>

#include "slalom/base/parallel.hpp"
#include "slalom/explain/relevance.hpp"
#include "slalom/kernels/gemm.hpp"

namespace slalom::relevance {

constexpr Index kRowGrain = 8;

// A matrix, or some columns of a wider one: `stride` scalars lie between rows.
template <class T>
struct View {
  T* data;
  Index rows, columns, stride;

  T* row(Index r) const { return data + r * stride; }
  View columns_from(Index first, Index count) const { return {data + first, rows, count, stride}; }
};

template <class T>
double dot(Index n, const T* a, const T* b) {
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (Index j = 0; j < n; ++j) sum += static_cast<double>(a[j]) * static_cast<double>(b[j]);
  return sum;
}

// Σ of body(row) over the rows, added in their order.
template <class Body>
double sum_rows(Index rows, const Body& body) {
  std::vector<double> part(static_cast<std::size_t>(rows));
  parallel_ranges(rows, kRowGrain, [&](Index first, Index last) {
    for (Index r = first; r < last; ++r) part[static_cast<std::size_t>(r)] = body(r);
  });
  double sum = 0;
  for (const double x : part) sum += x;
  return sum;
}

template <class T>
double total_relevance(View<T> z, View<T> g) {
  return sum_rows(z.rows, [&](Index r) { return dot(z.columns, z.row(r), g.row(r)); });
}

enum class Denominator { plain, layer_norm, twice };

// g ← g |z| / (|z| + ε), ε = relative · root mean square of z; returns what ε absorbs. The 2 of a bilinear
// product's denominator 2 z + ε scales ε as well and cancels here. As published g ← g z / (z + ε).
template <class T>
double epsilon_rule_row(const Stabiliser& stabiliser, Denominator kind, Index n, const T* z, T* g) {
  constexpr double kLayerNorm = 1e-6, kOther = 1e-8;
  const bool published = stabiliser.published;
  const double absolute = kind == Denominator::layer_norm ? kLayerNorm
                          : kind == Denominator::twice    ? kOther / 2
                                                          : kOther;
  const T e = static_cast<T>(
      published ? absolute : stabiliser.relative * std::sqrt(dot(n, z, z) / static_cast<double>(n)));
  double absorbed = 0;
#pragma omp simd reduction(+ : absorbed)
  for (Index j = 0; j < n; ++j) {
    const T size = published ? z[j] : std::abs(z[j]), inverse = size != 0 ? 1 / (size + e) : T{0};
    absorbed += static_cast<double>(z[j]) * static_cast<double>(g[j] * e * inverse);
    g[j] *= size * inverse;
  }
  return absorbed;
}

// Of all rows.
template <class T>
double epsilon_rule(const Stabiliser& stabiliser, Denominator kind, View<T> z, View<T> g) {
  return sum_rows(z.rows,
                  [&](Index r) { return epsilon_rule_row(stabiliser, kind, z.columns, z.row(r), g.row(r)); });
}

// What the bias absorbs: Σ b g.
template <class T>
double bias_share(const T* bias, View<T> g) {
  return sum_rows(g.rows, [&](Index r) { return dot(g.columns, bias, g.row(r)); });
}

// gx ← beta · gx + g W, after the epsilon rule at the layer's output.
template <class T>
void linear_rule(Tensor<T> W, View<T> g, T beta, View<T> gx) {
  gemm<T>(g.rows, W.columns(), W.rows(), {g.data, g.stride}, {W.data, W.columns()}, beta, gx.data, gx.stride);
}

// post = f(pre) keeps its relevance: g ← g post / pre. f(0) = 0, so that 0 has none to keep.
template <class T>
void activation_rule(View<T> pre, View<T> post, View<T> g) {
  parallel_ranges(pre.rows, kRowGrain, [&](Index first, Index last) {
    for (Index r = first; r < last; ++r) {
      const T *x = pre.row(r), *y = post.row(r);
      T* c = g.row(r);
#pragma omp simd
      for (Index j = 0; j < pre.columns; ++j) c[j] = x[j] != 0 ? c[j] * (y[j] / x[j]) : T{0};
    }
  });
}

// y = w (x − mean x) / σ + b with σ constant, after the epsilon rule at y: g ← h − mean h, h = g w / σ. Mean
// and standard deviation are taken in double, as the relevances of a row's elements cancel in large part.
template <class T>
void layer_norm_rule(const T* w, double layer_norm_eps, View<T> x, View<T> g) {
  const Index D = x.columns;
  const double n = static_cast<double>(D);
  parallel_ranges(x.rows, kRowGrain, [&](Index first, Index last) {
    for (Index r = first; r < last; ++r) {
      const T* in = x.row(r);
      T* c = g.row(r);
      double mean = 0, variance = 0;
      for (Index j = 0; j < D; ++j) mean += static_cast<double>(in[j]);
      mean /= n;
      for (Index j = 0; j < D; ++j) {
        const double centred = static_cast<double>(in[j]) - mean;
        variance += centred * centred;
      }
      const T scale = static_cast<T>(1 / std::sqrt(variance / n + layer_norm_eps));
      const T mean_h = static_cast<T>(dot(D, w, c) / n) * scale;
      for (Index j = 0; j < D; ++j) c[j] = c[j] * w[j] * scale - mean_h;
    }
  });
}

// One query: c (n) goes from the coefficients of the pattern p to those of the scores x = product / √d,
// R_j − p_j Σ R, and through the epsilon rule at the scores.
template <class T>
void softmax_rule_row(const Stabiliser& stabiliser, Index d, Index n, const T* p, T* product, T* c,
                      double& softmax, double& epsilon) {
  const T scale = 1 / std::sqrt(static_cast<T>(d));
  const double total = dot(n, p, c);
  for (Index j = 0; j < n; ++j) {
    c[j] = p[j] * (c[j] - static_cast<T>(total));
    product[j] *= scale;
  }
  softmax += total - dot(n, product, c);
  epsilon += epsilon_rule_row(stabiliser, Denominator::twice, n, product, c);
}

}  // namespace slalom::relevance
