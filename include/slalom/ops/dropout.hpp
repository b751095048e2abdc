#pragma once

#include "slalom/autograd/tape.hpp"
#include "slalom/kernels/dropout.hpp"
#include "slalom/ops/packed.hpp"
#include "slalom/ops/registry.hpp"

namespace slalom {

/// y (R, D) = x ∘ mask, mask = 0 with probability rate, else 1 / (1 − rate) (Srivastava et al. 2014), drawn
/// from (key, site, origin of the row, column). With rate 0 it returns x itself. origins (R) is memory of the
/// caller. Backward: dx += dy ∘ mask, drawn again.
template <class T>
Var dropout(Tape<T>& tape, Var x, const Dropout& dropout, std::span<const RowOrigin> origins);

Operation describe_dropout();

}  // namespace slalom
