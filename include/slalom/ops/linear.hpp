#pragma once

#include "slalom/autograd/tape.hpp"
#include "slalom/kernels/bf16_gemm.hpp"
#include "slalom/kernels/math.hpp"
#include "slalom/ops/registry.hpp"

namespace slalom {

/// How a weight is stored: W (out, in), or its transpose (in, out).
enum class WeightLayout { out_in, in_out };

/// y (R, out) = f(x Wᵀ + b), x (R, in), W (out, in), b (out) or an empty handle; f none, GELU (erf or tanh
/// form), ReLU or tanh. Backward: du = dy ∘ f′(u), dx += du W, dW += duᵀ x, db += column sums of du. `pre`,
/// if given, receives u = x Wᵀ + b for inspection. With `rounded`, which is W (out, in) in bf16, the product
/// x Wᵀ is of x and W in bf16, the way back as before (float only). Throws Error on a shape mismatch, naming
/// both.
template <class T>
Var linear(Tape<T>& tape, Var x, Var weight, Var bias, Activation f = Activation::none,
           Tensor<T>* pre = nullptr, WeightLayout layout = WeightLayout::out_in,
           const Bf16Weight* rounded = nullptr);

Operation describe_linear();

}  // namespace slalom
