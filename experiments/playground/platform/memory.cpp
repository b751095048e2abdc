// Zero bytes from the heap, where no system maps pages.
#include "slalom/base/memory.hpp"

#include <cstdlib>
#include <cstring>
#include <utility>

#include "slalom/base/error.hpp"

namespace slalom {

MappedMemory::MappedMemory(std::size_t bytes) {
  constexpr std::size_t kPage = 4096;
  if (bytes == 0) return;
  bytes_ = (bytes + kPage - 1) / kPage * kPage;
  void* p = std::aligned_alloc(kPage, bytes_);
  if (p == nullptr) throw Error(concat("[memory] the system refused ", bytes_ >> 20, " MiB"));
  std::memset(p, 0, bytes_);
  data_ = static_cast<std::byte*>(p);
}

MappedMemory::~MappedMemory() {
  std::free(data_);
}

MappedMemory::MappedMemory(MappedMemory&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}

MappedMemory& MappedMemory::operator=(MappedMemory&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

}  // namespace slalom
