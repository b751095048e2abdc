#include "slalom/nn/distinct_rows.hpp"

#include <algorithm>
#include <bit>

namespace slalom {

namespace {

std::uint32_t entry(std::span<const TokenId> ids, Index row) {
  return ids.empty() ? 0 : static_cast<std::uint32_t>(ids[static_cast<std::size_t>(row)]);
}

bool equal(const RowKeys& rows, Index a, Index b) {
  return entry(rows.token, a) == entry(rows.token, b) && entry(rows.position, a) == entry(rows.position, b) &&
         entry(rows.type, a) == entry(rows.type, b);
}

// The factor is 2^64 / golden ratio: high bits depend on all of them, and come down to where the table looks.
std::uint64_t hash(const RowKeys& rows, Index r) {
  const std::uint64_t mixed = (std::uint64_t{entry(rows.token, r)} << 32 ^
                               std::uint64_t{entry(rows.position, r)} << 4 ^ entry(rows.type, r)) *
                              0x9E3779B97F4A7C15u;
  return mixed ^ mixed >> 32;
}

}  // namespace

// Open addressing in a table of the distinct rows' numbers, at least half of it free.
DistinctRows distinct_rows(Arena& arena, const RowKeys& rows) {
  const auto N = static_cast<Index>(rows.token.size());
  const std::span<Index> of_row = arena.array<Index>(N), first = arena.array<Index>(N);
  Index count = 0;
  {
    const ArenaScope scope(arena);
    const std::size_t size = std::bit_ceil(2 * rows.token.size() + 1);
    const std::span<Index> table = arena.array<Index>(static_cast<Index>(size));
    std::ranges::fill(table, Index{-1});
    for (Index r = 0; r < N; ++r) {
      std::size_t at = hash(rows, r) & (size - 1);
      while (table[at] >= 0 && !equal(rows, r, first[static_cast<std::size_t>(table[at])]))
        at = (at + 1) & (size - 1);
      if (table[at] < 0) {
        table[at] = count;
        first[static_cast<std::size_t>(count++)] = r;
      }
      of_row[static_cast<std::size_t>(r)] = table[at];
    }
  }
  const auto few = [&](std::span<const TokenId> ids) {
    if (ids.empty()) return ids;
    const std::span<TokenId> kept = arena.array<TokenId>(count);
    for (std::size_t u = 0; u < kept.size(); ++u) kept[u] = ids[static_cast<std::size_t>(first[u])];
    return std::span<const TokenId>(kept);
  };
  return {{few(rows.token), few(rows.position), few(rows.type)}, of_row};
}

}  // namespace slalom
