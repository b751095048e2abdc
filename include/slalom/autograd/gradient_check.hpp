// Derivatives against finite differences, in float64, element by element.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "slalom/autograd/tape.hpp"

namespace slalom {

/// A function of leaves, built on the given tape. It must be deterministic.
using TapeFunction = std::function<Var(Tape<double>&, std::span<const Var>)>;

/// Where the leaves are evaluated.
struct Leaf {
  Shape shape;
  std::vector<double> values;
};

struct GradientReport {
  /// max |tape − differences| / max |differences| over each input's Jacobian, the worst input.
  double jacobian_error = 0;
  /// The same for L = Σ w ∘ f(x) + Σ w′ ∘ f(x), random w and w′: every leaf is used twice, and no symmetry of
  /// f (a softmax sums to one) can hide an error.
  double reused_error = 0;
  std::string worst;  // "input 1, output 3, element 7: tape 0.25, differences 0.5"
  double error() const { return std::max(jacobian_error, reused_error); }
};

/// Full Jacobian by four-point central differences of step h (error about h⁴ f⁽⁵⁾ + 1e-16 / h) against one
/// backward pass an output element.
GradientReport check_gradient(const TapeFunction& f, std::span<const Leaf> leaves, double h = 2e-3);

}  // namespace slalom
