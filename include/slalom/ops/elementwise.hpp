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

/// y = tanh x. Backward: dx += (1 − y²) ∘ dy.
template <class T>
Var tanh(Tape<T>& tape, Var x);

/// y = 1 / (1 + e^{−x}). Backward: dx += y (1 − y) ∘ dy.
template <class T>
Var sigmoid(Tape<T>& tape, Var x);

Operation describe_add();
Operation describe_mul();
Operation describe_scale();
Operation describe_tanh();
Operation describe_sigmoid();

}  // namespace slalom
