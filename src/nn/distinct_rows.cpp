#include "slalom/nn/distinct_rows.hpp"

#include <algorithm>

#include "slalom/base/hash_table.hpp"

namespace slalom {

namespace {

std::uint32_t entry(std::span<const TokenId> ids, Index row) {
  return ids.empty() ? 0 : static_cast<std::uint32_t>(ids[static_cast<std::size_t>(row)]);
}

bool equal(const RowKeys& rows, Index a, Index b) {
  return entry(rows.token, a) == entry(rows.token, b) && entry(rows.position, a) == entry(rows.position, b) &&
         entry(rows.type, a) == entry(rows.type, b);
}

std::uint64_t hash(const RowKeys& rows, Index r) {
  return hash_with(0, std::uint64_t{entry(rows.token, r)} << 32 ^
                          std::uint64_t{entry(rows.position, r)} << 4 ^ entry(rows.type, r));
}

}  // namespace

DistinctRows distinct_rows(Arena& arena, const RowKeys& rows) {
  const auto N = static_cast<Index>(rows.token.size());
  const std::span<Index> of_row = arena.array<Index>(N), first = arena.array<Index>(N);
  Index count = 0;
  {
    const ArenaScope scope(arena);
    const std::span<Index> table = arena.array<Index>(hash_table_entries(N));
    std::ranges::fill(table, Index{-1});
    for (Index r = 0; r < N; ++r) {
      const Index u = find_or_insert(table, hash(rows, r), count, [&](Index other) {
        return equal(rows, r, first[static_cast<std::size_t>(other)]);
      });
      if (u == count) first[static_cast<std::size_t>(count++)] = r;
      of_row[static_cast<std::size_t>(r)] = u;
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
