#include "slalom/autograd/arena.hpp"

#include <algorithm>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(address, bytes) ((void)(address), (void)(bytes))
#define ASAN_UNPOISON_MEMORY_REGION(address, bytes) ((void)(address), (void)(bytes))
#endif

namespace slalom {

namespace {

constexpr std::size_t kFirstBlock = std::size_t{1} << 20;
constexpr std::size_t kAlign = 64;  // also the gap behind each piece that the address sanitizer watches

}  // namespace

void Arena::map(std::size_t bytes) {
  blocks_.emplace_back(bytes);
  ++mapped_;
  used_ = 0;
  std::size_t total = 0;
  for (const MappedMemory& block : blocks_) total += block.bytes();
  most_ = std::max(most_, total);
  ASAN_POISON_MEMORY_REGION(blocks_.back().data(), blocks_.back().bytes());
}

// What the system maps at this address next must not find it poisoned.
void Arena::unmap_last() {
  ASAN_UNPOISON_MEMORY_REGION(blocks_.back().data(), blocks_.back().bytes());
  blocks_.pop_back();
}

Arena::~Arena() {
  while (!blocks_.empty()) unmap_last();
}

void* Arena::take(std::size_t bytes) {
  const std::size_t room = (bytes + kAlign - 1) / kAlign * kAlign + kAlign;
  if (blocks_.empty() || used_ + room > blocks_.back().bytes())
    map(std::max({kFirstBlock, room, blocks_.empty() ? 0 : 2 * blocks_.back().bytes()}));
  std::byte* piece = blocks_.back().data() + used_;
  used_ += room;
  ASAN_UNPOISON_MEMORY_REGION(piece, bytes);
  return piece;
}

void Arena::rewind(Mark mark) {
  while (blocks_.size() > mark.block + 1) unmap_last();
  used_ = mark.used;
  if (!blocks_.empty())
    ASAN_POISON_MEMORY_REGION(blocks_.back().data() + used_, blocks_.back().bytes() - used_);
}

void Arena::reset() {
  if (!blocks_.empty() && most_ > blocks_.front().bytes()) {
    while (!blocks_.empty()) unmap_last();
    map(most_ + most_ / 2);
  }
  rewind({});
}

}  // namespace slalom
