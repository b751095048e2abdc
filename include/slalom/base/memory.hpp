// Large blocks of memory straight from the operating system: zero until written, and a page that is
// never touched costs nothing, so a row-sparse table of 30,522 rows is as small as the rows in use.
#pragma once

#include <cstddef>
#include <span>

namespace slalom {

class MappedMemory {
 public:
  MappedMemory() = default;
  /// Maps at least `bytes` zero bytes, aligned to a page. Throws Error if the machine has less, or refuses.
  explicit MappedMemory(std::size_t bytes);
  ~MappedMemory();
  MappedMemory(MappedMemory&& other) noexcept;
  MappedMemory& operator=(MappedMemory&& other) noexcept;
  MappedMemory(const MappedMemory&) = delete;
  MappedMemory& operator=(const MappedMemory&) = delete;

  std::byte* data() const { return data_; }
  std::size_t bytes() const { return bytes_; }
  template <class T>
  std::span<T> as() const {
    return {reinterpret_cast<T*>(data_), bytes_ / sizeof(T)};
  }

 private:
  std::byte* data_ = nullptr;
  std::size_t bytes_ = 0;
};

/// Largest resident size of this process since its start or the last reset, in bytes; 0 where /proc does not
/// tell.
std::size_t peak_resident_bytes();
void reset_peak_resident();

}  // namespace slalom
