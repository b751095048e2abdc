// libFuzzer: whatever the bytes, read_pytorch_header throws Error or describes tensors inside the file.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "slalom/base/error.hpp"
#include "slalom/model_io/pytorch_file.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const auto read = [&](void* out, std::size_t count, std::uint64_t offset) {
    if (offset > size || count > size - offset) std::abort();
    if (count > 0) std::memcpy(out, bytes + offset, count);
  };
  try {
    for (const auto& tensor : slalom::read_pytorch_header(read, size, "fuzz").tensors) {
      if (tensor.end < tensor.begin || tensor.end > size) std::abort();
      const std::size_t stored = (tensor.end - tensor.begin) / slalom::dtype_bytes(tensor.dtype);
      if (tensor.elements() > stored || (tensor.stride.empty() && tensor.elements() != stored)) std::abort();
    }
  } catch (const slalom::Error&) {
    return 0;
  }
  return 0;
}
