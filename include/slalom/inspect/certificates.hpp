// Lower bounds on how far a function of texts is from every additive model, from a few of its values
// (log-odds in nats). Each is a combination of values that vanishes for every model of the class, divided by
// the sum of its absolute coefficients: sup |F − g| cannot be smaller for any g of the class, whatever its
// weights.
#pragma once

#include <cmath>

namespace slalom {

/// Affine bag of words g(t) = b + Σ w(t_i), with the empty text: g(aa) − 2 g(a) + g(∅) = 0.
inline double affine_bound_with_empty(double f_aa, double f_a, double f_empty) {
  return std::abs(f_aa - 2 * f_a + f_empty) / 4;
}

/// The same without the empty text (decoders have none): g(aa) − 2 g(a) = g(bb) − 2 g(b) = −b. A constant
/// curve over repeats of one token is no contradiction, two different constants are.
inline double affine_bound(double f_aa, double f_a, double f_bb, double f_b) {
  return std::abs(f_aa - 2 * f_a - f_bb + 2 * f_b) / 6;
}

/// Position-wise model g(t) = b + Σ_i w_i(t_i): what b rather than b′ adds behind a first word does not
/// depend on that word, g(ab) − g(ab′) = g(a′b) − g(a′b′). b′ may be no word at all: F(a) for F(ab′).
inline double positionwise_bound(double f_ab, double f_ab2, double f_a2b, double f_a2b2) {
  return std::abs(f_ab - f_ab2 - f_a2b + f_a2b2) / 4;
}

}  // namespace slalom
