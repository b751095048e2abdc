#pragma once

#include "slalom/autograd/tape.hpp"
#include "slalom/ops/registry.hpp"

namespace slalom {

/// y (R, D) = (u − mean(u)) / √(var(u) + eps) · weight + bias, row by row, u = x + residual (or x, with an
/// empty handle), var without Bessel's correction (Ba, Kiros, Hinton 2016). Backward: du = rstd (g − mean(g)
/// − û mean(g û)), g = dy · weight; dx += du, dresidual += du, dweight += Σ dy û, dbias += Σ dy. `sum`, if
/// given, receives u for inspection. Without a bias (an empty handle) it is RMSNorm (Zhang, Sennrich 2019):
/// no mean is taken off, y = u / √(mean(u²) + eps) · weight.
template <class T>
Var layer_norm(Tape<T>& tape, Var x, Var residual, Var weight, Var bias, double eps,
               Tensor<T>* sum = nullptr);

Operation describe_layer_norm();

}  // namespace slalom
