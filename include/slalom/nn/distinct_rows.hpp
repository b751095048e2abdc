// Rows that are equal before the first block, found once: they have the same token, position and type.
#pragma once

#include "slalom/autograd/arena.hpp"
#include "slalom/base/index.hpp"

namespace slalom {

/// What the embeddings of N rows are looked up by; a model without positions or types leaves them empty.
struct RowKeys {
  std::span<const TokenId> token, position, type;  // (N)
};

struct DistinctRows {
  RowKeys keys;                   // of the U distinct rows, in the order of their first occurrence
  std::span<const Index> of_row;  // (N) the distinct row that each row equals
};

/// All memory is the arena's.
DistinctRows distinct_rows(Arena& arena, const RowKeys& rows);

}  // namespace slalom
