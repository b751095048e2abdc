#pragma once

#include <algorithm>
#include <cmath>

#include "slalom/autograd/tape.hpp"
#include "slalom/ops/registry.hpp"

namespace slalom {

/// loss = mean over all elements of log(1 + e^x) − target · x, in nats; x and target of one shape, target in
/// [0, 1], a constant. Backward: dx += (sigmoid(x) − target) / size · dloss. Throws Error unless both have
/// one shape.
template <class T>
Var binary_cross_entropy(Tape<T>& tape, Var x, Tensor<const T> target);

/// The loss of one element, without overflow.
template <class T>
T binary_cross_entropy_of(T x, T target) {
  return std::max(x, T{0}) + std::log1p(std::exp(-std::abs(x))) - target * x;
}

Operation describe_binary_cross_entropy();

}  // namespace slalom
