#include "slalom/autograd/arena.hpp"

#include <doctest/doctest.h>

#include <cstdint>

using namespace slalom;

namespace {

constexpr Index kMegabyte = 1 << 20;

}  // namespace

TEST_CASE("arena: pieces are aligned to 64 bytes and do not overlap") {
  Arena arena;
  char* before = arena.allocate<char>(5);
  for (const Index bytes : {1, 63, 64, 65, 1000}) {
    char* piece = arena.allocate<char>(bytes);
    CHECK(reinterpret_cast<std::uintptr_t>(piece) % 64 == 0);
    CHECK(piece >= before + 64);
    std::fill_n(piece, bytes, 'x');
    before = piece;
  }
  CHECK(arena.array<double>(7).size() == 7);
  CHECK(arena.blocks_mapped() == 1);
}

TEST_CASE("arena: rewinding to a mark gives the same memory again, marks nest") {
  Arena arena;
  arena.allocate<int>(10);
  const Arena::Mark outer = arena.mark();
  int* a = arena.allocate<int>(10);
  const Arena::Mark inner = arena.mark();
  int* b = arena.allocate<int>(10);
  arena.rewind(inner);
  CHECK(arena.allocate<int>(10) == b);
  arena.rewind(outer);
  CHECK(arena.allocate<int>(10) == a);
}

TEST_CASE("arena: a scope frees what came after it, over block ends too") {
  Arena arena;
  double* kept = arena.allocate<double>(3);
  kept[2] = 5;
  double *small = nullptr, *again = nullptr;
  {
    const ArenaScope scope(arena);
    small = arena.allocate<double>(100);
    {
      const ArenaScope nested(arena);
      arena.allocate<char>(5 * kMegabyte);
    }
  }
  again = arena.allocate<double>(100);
  CHECK(again == small);
  CHECK(kept[2] == 5);
  CHECK(arena.blocks_mapped() == 2);
}

TEST_CASE("arena: a mark of the empty arena frees everything") {
  Arena arena;
  const Arena::Mark empty = arena.mark();
  char* first = arena.allocate<char>(8);
  arena.rewind(empty);
  CHECK(arena.allocate<char>(8) == first);
}

TEST_CASE("arena: reset merges the blocks, and the same step then maps nothing") {
  Arena arena;
  const auto step = [&] {
    arena.reset();
    for (int i = 0; i < 40; ++i) arena.allocate<char>(kMegabyte / 4);
  };
  step();
  CHECK(arena.blocks_mapped() > 1);
  step();
  const int warm = arena.blocks_mapped();
  for (int i = 0; i < 5; ++i) step();
  CHECK(arena.blocks_mapped() == warm);
}

TEST_CASE("arena: scratch memory beyond the block is remembered as well") {
  Arena arena;
  const auto step = [&] {
    arena.reset();
    arena.allocate<char>(kMegabyte * 3 / 4);
    const ArenaScope scope(arena);
    arena.allocate<char>(kMegabyte / 2);
  };
  step();
  step();
  const int warm = arena.blocks_mapped();
  for (int i = 0; i < 5; ++i) step();
  CHECK(arena.blocks_mapped() == warm);
}
