// Bump allocator for everything a step computes. reset() keeps the memory; after it has seen the largest
// step, nothing is asked of the system any more.
#pragma once

#include <span>
#include <vector>

#include "slalom/base/index.hpp"
#include "slalom/base/memory.hpp"

namespace slalom {

class Arena {
 public:
  Arena() = default;
  ~Arena();
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  /// `count` uninitialised objects of a trivially destructible type, aligned to 64 bytes.
  template <class U>
  U* allocate(Index count) {
    static_assert(std::is_trivially_destructible_v<U>);
    return static_cast<U*>(take(static_cast<std::size_t>(count) * sizeof(U)));
  }
  template <class U>
  std::span<U> array(Index count) {
    return {allocate<U>(count), static_cast<std::size_t>(count)};
  }

  /// Position to which rewind() frees; marks nest.
  struct Mark {
    std::size_t block = 0, used = 0;
  };
  Mark mark() const { return {blocks_.empty() ? 0 : blocks_.size() - 1, used_}; }
  void rewind(Mark mark);

  /// Frees everything. If the memory had come in several blocks, they become one with room to spare.
  void reset();

  /// Blocks asked of the system since construction; constant once warmed up.
  int blocks_mapped() const { return mapped_; }

 private:
  void* take(std::size_t bytes);
  void map(std::size_t bytes);
  void unmap_last();

  std::vector<MappedMemory> blocks_;
  std::size_t used_ = 0;  // in the last block
  std::size_t most_ = 0;  // bytes of all blocks together at their largest
  int mapped_ = 0;
};

/// Scratch memory for one scope: what is allocated after it is freed at its end.
class ArenaScope {
 public:
  explicit ArenaScope(Arena& arena) : arena_(arena), mark_(arena.mark()) {}
  ~ArenaScope() { arena_.rewind(mark_); }
  ArenaScope(const ArenaScope&) = delete;
  ArenaScope& operator=(const ArenaScope&) = delete;

 private:
  Arena& arena_;
  Arena::Mark mark_;
};

}  // namespace slalom
