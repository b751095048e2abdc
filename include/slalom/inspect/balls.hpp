// Arithmetic on rows of real numbers that are known up to a ball: each row is within `radius` of `middle` in
// the Euclidean norm. Every function returns balls that hold all its exact results, for all rows that its
// arguments hold: the spread of the arguments times a Lipschitz constant, and the rounding of `middle`.
// Lipschitz constants of matrices are their spectral norms, so that the width of an enclosure grows with what
// a layer can stretch, not with the sum of its weights' sizes.
//
// Assumed, for u = 2^-53 and γ_n = n u / (1 − n u):
//  - IEEE 754 binary64 rounding to nearest, fma rounding once, and a compiler that does not reorder. Inner
//    products are computed as in twice the precision: within u |result| + γ_{2n+68}² Σ|a||b| (Ogita, Rump,
//    Oishi: Accurate sum and dot product, SIAM J. Sci. Comput. 26, 2005).
//  - BLAS, which only spectral norms use, adds up each inner product in some order, within γ_n Σ|a||b|
//    (Higham: Accuracy and Stability of Numerical Algorithms, section 3.1), so no method of Strassen's.
//  - exp, log, pow, sin, cos, tanh and erfc of the C library err by at most 8 units in the last place; the
//    manual of glibc lists 5 or fewer.
// Radii are sums, products and quotients of numbers that are not negative. Their own rounding, in sums of up
// to 2^22 terms, is covered by a factor of 1 + 2^-30, and underflow by 1e-150.
#pragma once

#include <span>
#include <vector>

#include "slalom/base/index.hpp"
#include "slalom/kernels/attention.hpp"
#include "slalom/kernels/math.hpp"

namespace slalom {

struct Balls {
  Balls(Index row_count, Index column_count);  // zeros

  Index columns;
  std::vector<double> middle;  // (N, D)
  std::vector<double> radius;  // (N)

  Index rows() const { return std::ssize(radius); }
  double* row(Index i) { return middle.data() + i * columns; }
  const double* row(Index i) const { return middle.data() + i * columns; }
  double& radius_of(Index i) { return radius[static_cast<std::size_t>(i)]; }
  double radius_of(Index i) const { return radius[static_cast<std::size_t>(i)]; }
  Balls only(Index i) const;
};

/// Σ a_i b_i + start, see above.
double accurate_dot(const double* a, const double* b, Index n, double start = 0);
/// At least ‖x‖ and ‖a − b‖, Euclidean.
double norm_bound(const double* x, Index n);
double distance_bound(const double* a, const double* b, Index n);

/// x ↦ W x + b, W (out, in), and bounds of W's norms.
struct LinearMap {
  const double *weight, *bias;  // bias: null for none
  Index outputs, inputs;
  double spectral, frobenius;
};
/// With the norms. ‖W‖ ≤ ‖W‖_F, and ‖W‖² = ‖WᵀW‖: six Gram matrices one of the other leave a factor of
/// n^(1/128) in it. It is rounded up to nine bits, so that it does not depend on the kernels of BLAS.
LinearMap linear_map(const double* weight, const double* bias, Index outputs, Index inputs);

Balls apply(const LinearMap& map, const Balls& x);
Balls sum(const Balls& a, const Balls& b);
/// The rows of a above those of b.
Balls above(const Balls& a, const Balls& b);
Balls activate(Activation f, Balls x);
/// (x − mean) / √(variance + eps) · weight + bias; without a bias (null) x / √(mean of x² + eps) · weight.
Balls layer_norm(Balls x, const double* weight, const double* bias, double eps);

/// Rotary positions: row i is at place first_place + i (ops/rotary.hpp).
Balls rotate(Balls x, Index head_width, Index first_place);

/// For query i and each head Σ_j w_j v_j over the first visible[i] keys, w the weights of this kind for the
/// scores q_i · k_j / √d. Where these are a softmax's, key j stands for counts[j] ≥ 0 equal ones (not all 0);
/// empty: for one.
Balls attend(AttentionKind kind, const Balls& q, const Balls& k, const Balls& v, Index heads,
             std::span<const Index> visible, std::span<const double> counts = {});

/// The balls with every point between row i of `x` and row i + 1, and more: each head may be at another point
/// of its way.
Balls between_rows(const Balls& x);

/// Larger by the rounding of what a bound was computed from.
double up(double bound);
/// γ_n, and what accurate_dot of n terms errs by beside u |result|: this times Σ|a||b|.
double gamma_bound(Index n);
double twice_precise(Index n);

inline constexpr double kUnitRoundoff = 0x1p-53;
inline constexpr double kLibraryError = 16 * kUnitRoundoff;  // relative, of 8 units in the last place

}  // namespace slalom
