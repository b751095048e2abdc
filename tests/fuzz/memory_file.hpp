// Bytes of a fuzzer as a file.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

namespace slalom::test {

/// The path of a file in memory that holds the bytes; the next call overwrites it.
inline std::string memory_file(const std::uint8_t* bytes, std::size_t size) {
  static const int file = memfd_create("input", 0);
  if (ftruncate(file, 0) != 0 || pwrite(file, bytes, size, 0) != static_cast<ssize_t>(size)) std::abort();
  return "/proc/self/fd/" + std::to_string(file);
}

}  // namespace slalom::test
