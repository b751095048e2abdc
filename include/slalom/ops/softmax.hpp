#pragma once

#include "slalom/autograd/tape.hpp"
#include "slalom/ops/registry.hpp"

namespace slalom {

/// Row by row p (R, D) = exp(x − max x) / Σ exp(x − max x). Backward: dx += p ∘ (dp − Σ p ∘ dp).
template <class T>
Var softmax(Tape<T>& tape, Var x);

Operation describe_softmax();

}  // namespace slalom
