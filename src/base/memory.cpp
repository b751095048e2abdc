#include "slalom/base/memory.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <fstream>
#include <string>
#include <utility>

#include "slalom/base/error.hpp"

namespace slalom {

MappedMemory::MappedMemory(std::size_t bytes) {
  if (bytes == 0) return;
  constexpr std::size_t kPage = 4096;
  const std::size_t all = static_cast<std::size_t>(sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE));
  if (bytes > all)
    throw Error(concat("[memory] ", bytes >> 20, " MiB at once, this machine has ", all >> 20, " MiB"));
  bytes_ = (bytes + kPage - 1) / kPage * kPage;
  void* p = mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (p == MAP_FAILED) throw Error(concat("[memory] the system refused ", bytes_ >> 20, " MiB"));
  data_ = static_cast<std::byte*>(p);
  constexpr std::size_t kHuge = std::size_t{2} << 20;
  if (bytes_ >= kHuge)
    madvise(p, bytes_, MADV_HUGEPAGE);  // advice only: a refusal changes speed, not results
}

MappedMemory::~MappedMemory() {
  if (data_ != nullptr) munmap(data_, bytes_);
}

MappedMemory::MappedMemory(MappedMemory&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}

MappedMemory& MappedMemory::operator=(MappedMemory&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

std::size_t peak_resident_bytes() {
  std::ifstream status("/proc/self/status");
  for (std::string field; status >> field;)
    if (std::size_t kib = 0; field == "VmHWM:" && status >> kib) return kib * 1024;
  return 0;
}

void reset_peak_resident() {
  std::ofstream("/proc/self/clear_refs") << "5";
}

}  // namespace slalom
