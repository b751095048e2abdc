// Ridge regression whose penalty the data choose: the linear mixed model
//   y = Z a + X u + ε,  u ~ N(0, σ²/λ I),  ε ~ N(0, σ² (I + ρ P)),
// a free ("fixed effects"), u drawn at random. So y has the covariance σ² V, V = I + X Xᵀ / λ + ρ P.
//  - At given λ and ρ: a = (Zᵀ V⁻¹ Z)⁻¹ Zᵀ V⁻¹ y by generalised least squares, u = Xᵀ V⁻¹ (y − Z a) / λ, its
//    best linear unbiased prediction. Together they solve Henderson's mixed-model equations (Henderson,
//    Biometrics 1975), for ρ = 0 the ridge regression min ‖y − Z a − X u‖² + λ ‖u‖².
//  - λ and ρ maximise the restricted likelihood (REML: Patterson and Thompson, Biometrika 1971), that of the
//    n − f numbers in y which do not depend on a. With r = y − Z a and σ² = rᵀ V⁻¹ r / (n − f) it is, up to a
//    constant,
//      −2 log L = (n − f) log σ² + log |V| + log |Zᵀ V⁻¹ Z|.
#pragma once

#include <span>
#include <vector>

#include "slalom/base/index.hpp"

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
  std::vector<double> residual;  // (n) V⁻¹ (y − Z a)
  double variance = 0;           // σ²
  double criterion = 0;          // −2 log restricted likelihood, up to a constant
};

/// At given λ and ρ.
MixedFit fit_mixed_at(const MixedDesign& design, double lambda, double rho);
/// At the most likely λ and, if the design has a P and `with_P` says so, ρ.
MixedFit fit_mixed(const MixedDesign& design, bool with_P);

}  // namespace slalom
