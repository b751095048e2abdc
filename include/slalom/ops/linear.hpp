#pragma once

#include "slalom/autograd/tape.hpp"
#include "slalom/kernels/math.hpp"
#include "slalom/ops/registry.hpp"

namespace slalom {

/// How a weight is stored: W (out, in), or its transpose (in, out).
enum class WeightLayout { out_in, in_out };

/// y (R, out) = f(x Wᵀ + b), x (R, in), W (out, in), b (out) or an empty handle; f none, GELU (erf or tanh
/// form), ReLU or tanh. Backward: du = dy ∘ f′(u), dx += du W, dW += duᵀ x, db += column sums of du. `pre`,
/// if given, receives u = x Wᵀ + b for inspection. Throws Error on a shape mismatch, naming both.
template <class T>
Var linear(Tape<T>& tape, Var x, Var weight, Var bias, Activation f = Activation::none,
           Tensor<T>* pre = nullptr, WeightLayout layout = WeightLayout::out_in);

Operation describe_linear();

}  // namespace slalom
