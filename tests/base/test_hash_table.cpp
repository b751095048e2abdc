#include "slalom/base/hash_table.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <vector>

#include "slalom/base/random.hpp"

using namespace slalom;

TEST_CASE("the first of equal items is found, however much the hashes collide") {
  for (const std::uint32_t values : {1u, 3u, 40u, 1000u}) {
    Rng rng(values, Purpose::test);
    std::vector<std::uint32_t> item;
    for (int i = 0; i < 100; ++i) item.push_back(rng.below(values));
    const auto place = [&](std::uint32_t value) { return std::ranges::find(item, value) - item.begin(); };
    // Its own number; hardly anything; everything in the table's last entry.
    for (const std::uint64_t kept : {~std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{0}}) {
      std::vector<Index> table(static_cast<std::size_t>(hash_table_entries(std::ssize(item))), -1);
      for (Index i = 0; i < std::ssize(item); ++i) {
        const std::uint32_t value = item[static_cast<std::size_t>(i)];
        const auto equal = [&](Index other) { return item[static_cast<std::size_t>(other)] == value; };
        CHECK(find_or_insert(table, (value & kept) - 1, i, equal) == place(value));
      }
    }
  }
}

TEST_CASE("a table has a power of two of entries and more than twice as many as items") {
  CHECK(hash_table_entries(0) == 1);
  CHECK(hash_table_entries(1) == 4);
  CHECK(hash_table_entries(3) == 8);
  CHECK(hash_table_entries(4) == 16);
}

TEST_CASE("hashes of short lists differ in their low bits") {
  // 1,024 lists [a, b] in 65,536 entries: 1024² / 2 / 65536 = 8 collisions are expected.
  std::set<std::uint64_t> low;
  for (std::uint64_t a = 0; a < 32; ++a)
    for (std::uint64_t b = 0; b < 32; ++b) low.insert(hash_with(hash_with(0, a), b) & 0xFFFF);
  CHECK(low.size() >= 1024 - 40);
}
