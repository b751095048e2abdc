#pragma once

#include "slalom/autograd/tape.hpp"
#include "slalom/base/index.hpp"
#include "slalom/ops/registry.hpp"

namespace slalom {

/// A table (V, D) and the row of it that each output row takes.
struct Gather {
  Var table;
  std::span<const TokenId> rows;  // (N), each below V; memory of the caller
};

/// y (N, D)[n] = Σ_g table_g[rows_g[n]]: token, position and type embeddings added up, at most three tables.
/// Backward: dtable[v] += Σ over n with rows[n] = v of dy[n], in order of n; row-sparse where the table is.
/// Throws Error for a row outside its table, naming both.
template <class T>
Var embedding(Tape<T>& tape, std::initializer_list<Gather> gathers);

Operation describe_embedding();

}  // namespace slalom
