#pragma once

#include "slalom/autograd/tape.hpp"
#include "slalom/ops/registry.hpp"

namespace slalom {

/// y () = Σ x over all elements, in order. Backward: dx += dy.
template <class T>
Var sum(Tape<T>& tape, Var x);

/// y () = Σ x / size. Backward: dx += dy / size.
template <class T>
Var mean(Tape<T>& tape, Var x);

Operation describe_sum();
Operation describe_mean();

}  // namespace slalom
