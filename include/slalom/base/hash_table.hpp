// A hash table of the numbers of things, with open addressing: it tells the first of several equal ones.
#pragma once

#include <bit>
#include <cstdint>
#include <span>

#include "slalom/base/index.hpp"

namespace slalom {

/// Entries of a table for `items` items, at least half of them free; all are −1 at first.
inline Index hash_table_entries(Index items) {
  return static_cast<Index>(std::bit_ceil(static_cast<std::uint64_t>(2 * items + 1)));
}

/// The item in the table that equals this one, which equal(other) tells; `item` itself, now in the table, if
/// there is none. Equal items have the same hash; what is found does not depend on it otherwise.
template <class Equal>
Index find_or_insert(std::span<Index> table, std::uint64_t hash, Index item, const Equal& equal) {
  const std::size_t mask = table.size() - 1;
  std::size_t at = hash & mask;
  while (table[at] >= 0 && !equal(table[at])) at = (at + 1) & mask;
  if (table[at] < 0) table[at] = item;
  return table[at];
}

/// The hash of a list, from that of all but its last number, 0 for none. The factor is 2^64 / golden ratio:
/// high bits depend on all of them, and come down to where the table looks.
inline std::uint64_t hash_with(std::uint64_t hash, std::uint64_t number) {
  hash = (hash ^ number) * 0x9E3779B97F4A7C15u;
  return hash ^ hash >> 32;
}

}  // namespace slalom
