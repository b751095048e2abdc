// Ridge regression whose penalty the data choose: the linear mixed model
//   y = Z a + X u + ε,  u ~ N(0, σ²/λ),  ε ~ N(0, σ² (I + ρ P)),
// a free. λ and ρ maximise the restricted likelihood (REML: Patterson and Thompson 1971).
#pragma once

#include <span>
#include <vector>

#include "slalom/base/parallel.hpp"

namespace slalom {

struct MixedDesign {
  Index rows = 0, fixed = 0, random = 0;  // n, f, r
  std::vector<double> Z, X, y;            // (n, f), (n, r), (n), row-major
  std::vector<double> P;                  // (n, n) positive semidefinite, or empty: no such part

  MixedDesign subset(std::span<const Index> chosen) const;
};

struct MixedFit {
  double lambda = 0, rho = 0;
  std::vector<double> a, u;      // (f), (r)
  std::vector<double> residual;  // (n) V⁻¹ (y − Z a), V = I + X Xᵀ / λ + ρ P
  double variance = 0;           // σ²
  double criterion = 0;          // −2 log restricted likelihood, up to a constant
};

/// At given λ and ρ.
MixedFit fit_mixed_at(const MixedDesign& design, double lambda, double rho);
/// At the most likely λ and, if the design has a P and `with_P` says so, ρ.
MixedFit fit_mixed(const MixedDesign& design, bool with_P);

}  // namespace slalom
