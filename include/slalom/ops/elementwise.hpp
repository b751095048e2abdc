#pragma once

#include "slalom/autograd/tape.hpp"
#include "slalom/ops/registry.hpp"

namespace slalom {

/// y = a + b, equal shapes. Backward: da += dy, db += dy.
template <class T>
Var add(Tape<T>& tape, Var a, Var b);

/// y = a ∘ b, equal shapes. Backward: da += dy ∘ b, db += dy ∘ a.
template <class T>
Var mul(Tape<T>& tape, Var a, Var b);

/// y = factor · x. Backward: dx += factor · dy.
template <class T>
Var scale(Tape<T>& tape, Var x, T factor);

Operation describe_add();
Operation describe_mul();
Operation describe_scale();

}  // namespace slalom
