// Texts as they lie in memory: one row a token, one text behind the other, nothing padded.
#pragma once

#include <span>

#include "slalom/autograd/arena.hpp"
#include "slalom/base/index.hpp"

namespace slalom {

/// B texts in N rows; text b owns rows begin[b] … begin[b + 1]. The memory is the caller's and outlives the
/// pass.
struct PackedTexts {
  std::span<const TokenId> ids;    // (N)
  std::span<const Index> begin;    // (B + 1)
  std::span<const TokenId> types;  // (N) segment of each row, or empty: all 0

  Index texts() const { return static_cast<Index>(begin.size()) - 1; }
  Index rows() const { return static_cast<Index>(ids.size()); }
  Index length(Index b) const {
    return begin[static_cast<std::size_t>(b + 1)] - begin[static_cast<std::size_t>(b)];
  }
};

/// Which text a row belongs to and where in it: what dropout masks depend on, whatever matrix the row lies
/// in.
struct RowOrigin {
  std::uint32_t text, position;
};
/// (N) origins, in the arena.
std::span<const RowOrigin> row_origins(Arena& arena, const PackedTexts& texts);

}  // namespace slalom
