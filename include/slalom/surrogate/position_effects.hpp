// What a token's place in its text adds to the log-odds. Of a model with learned positions a deletion moves
// every later token to another place, and that changes F, too.
//
// With Z_i = background + length of text i and φ_i what stands where in it (1 at each pair of a token and its
// place), the effects e add φ_iᵀ e / Z_i, an average as SLALOM is one. Drawn from N(0, ρ σ²) they make the
// residuals r of another fit covary as σ² (I + ρ P), P_ij = φ_iᵀ φ_j / (Z_i Z_j), and their best linear
// prediction is e = ρ Φᵀ (I + ρ P)⁻¹ r, Φ with the rows φ_i / Z_i (Robinson, "That BLUP is a good thing",
// Statistical Science 1991). They are too many for a design matrix; P has as many rows as there are texts.
#pragma once

#include <unordered_map>

#include "slalom/surrogate/sample.hpp"

namespace slalom {

struct PositionEffects {
  double background = 0;                             // the weight of all that is no token of the text
  std::unordered_map<std::uint64_t, double> effect;  // by key(token, place); 0 where there is none

  static std::uint64_t key(Sample::Token token, Index place) {
    return static_cast<std::uint64_t>(token) << 32 | static_cast<std::uint64_t>(place);
  }
  /// Σ_i effect(t_i, i) / (background + n).
  double of(std::span<const Sample::Token> text) const;
};

/// P of the sample's texts with the given numbers, (n, n).
std::vector<double> position_covariance(const Sample& sample, std::span<const Index> texts,
                                        double background);
/// The effects that explain the texts' residuals (n) best, at their covariance P and ρ; what they explain is
/// subtracted from `target` (n). Throws Error if I + ρ P is not positive definite.
PositionEffects explain_by_positions(const Sample& sample, std::span<const Index> texts,
                                     const std::vector<double>& P, double rho, double background,
                                     const std::vector<double>& residual, std::vector<double>& target);

}  // namespace slalom
