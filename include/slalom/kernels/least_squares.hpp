// Dense linear algebra in float64: the one place that calls LAPACK.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "slalom/base/index.hpp"

namespace slalom {

struct LeastSquares {
  std::vector<double> solution;  // (n)
  std::vector<double> variance;  // (n) diagonal of (AᵀA)⁺; NaN where A does not determine the number
  Index rank = 0;
  std::vector<double> singular_values;  // (min(m, n)), descending
};

/// The x of smallest Euclidean norm among those that minimise ‖A x − b‖ (singular value decomposition; those
/// not above `relative` times the largest count as 0). a (m, n) is row-major, b (m). Throws Error if a number
/// is not finite, if the sizes do not agree, or if the decomposition does not converge.
LeastSquares minimum_norm_least_squares(Index m, Index n, const std::vector<double>& a,
                                        const std::vector<double>& b, double relative = 1e-10);

/// Σ_i weight_i row_iᵀ row_i (n, n) for rows (n) that write(i, row) fills in: the matrix of the normal
/// equations and, where a row ends with the number it is to give, their right-hand side.
std::vector<double> weighted_gram(std::span<const double> weight, Index n,
                                  const std::function<void(Index i, double* row)>& write);

/// In place: the lower Cholesky factor of a symmetric a (n, n), row-major; only the lower triangle is read
/// and written. False if a is not positive definite to working precision: a pivot is not finite, or is lost
/// in the rounding of the diagonal element that it comes from.
bool cholesky(Index n, double* a);
/// Of a symmetric positive semidefinite a (n, n), row-major, lower triangle: rows, in ascending order, of
/// which no one follows from the others and all others do; what is left of a diagonal element by the others
/// counts as 0 up to `tolerance`. a is overwritten.
std::vector<Index> independent_rows(Index n, double* a, double tolerance);
/// x ← (L Lᵀ)⁻¹ x for the factor of cholesky().
void cholesky_solve(Index n, const double* factor, double* x);
/// a ← (L Lᵀ)⁻¹, symmetric and full.
void cholesky_inverse(Index n, double* factor);

}  // namespace slalom
