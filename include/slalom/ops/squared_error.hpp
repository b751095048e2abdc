#pragma once

#include "slalom/autograd/tape.hpp"
#include "slalom/ops/registry.hpp"

namespace slalom {

/// loss = mean over all elements of (x − target)². Backward: dx += 2 (x − target) / size · dloss, dtarget −=
/// the same. Throws Error unless both have one shape.
template <class T>
Var squared_error(Tape<T>& tape, Var x, Var target);

Operation describe_squared_error();

}  // namespace slalom
