#pragma once

#include "slalom/autograd/tape.hpp"
#include "slalom/ops/registry.hpp"

namespace slalom {

/// y (R, D)[r] = x[rows[r]], x (N, D); rows (R) is memory of the caller. Backward: dx[rows[r]] += dy[r].
/// Throws Error for a row outside x.
template <class T>
Var gather_rows(Tape<T>& tape, Var x, std::span<const Index> rows);

Operation describe_gather_rows();

}  // namespace slalom
