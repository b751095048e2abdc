#pragma once

#include "slalom/autograd/tape.hpp"
#include "slalom/base/index.hpp"
#include "slalom/ops/registry.hpp"

namespace slalom {

/// Rotary positions (Su et al. 2021) of the first `columns` columns of x (R, C), heads of an even width d
/// side by side: channels j and j + d/2 of a head in row r are turned by the angle place[r] · 10000^{−2j/d},
/// so that a product of two rows depends on the difference of their places. The other columns are copied.
/// place (R) is memory of the caller. Backward: dx += dy, turned back. Throws Error for heads that are not
/// even or do not divide the columns.
template <class T>
Var rotary(Tape<T>& tape, Var x, std::span<const TokenId> place, Index columns, Index head_width);

Operation describe_rotary();

}  // namespace slalom
