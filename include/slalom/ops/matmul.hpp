#pragma once

#include "slalom/autograd/tape.hpp"
#include "slalom/ops/registry.hpp"

namespace slalom {

/// C (m, n) = A (m, k) · B (k, n). Backward: dA += dC Bᵀ, dB += Aᵀ dC. Throws Error on a shape mismatch.
template <class T>
Var matmul(Tape<T>& tape, Var a, Var b);

Operation describe_matmul();

}  // namespace slalom
