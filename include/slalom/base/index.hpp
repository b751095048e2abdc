// The numbers that count things.
#pragma once

#include <cstdint>

namespace slalom {

/// Extents, offsets and row numbers.
using Index = std::int64_t;

inline Index ceil_div(Index a, Index b) {
  return (a + b - 1) / b;
}

/// The number of a token in its vocabulary.
using TokenId = std::int32_t;

}  // namespace slalom
