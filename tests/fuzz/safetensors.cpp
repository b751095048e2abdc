// libFuzzer: whatever the bytes, read_safetensors_header throws Error or describes tensors inside the file.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "slalom/base/error.hpp"
#include "slalom/model_io/safetensors.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const auto read = [&](void* out, std::size_t count, std::uint64_t offset) {
    if (offset > size || count > size - offset) std::abort();
    if (count > 0) std::memcpy(out, bytes + offset, count);
  };
  try {
    const auto header = slalom::read_safetensors_header(read, size, "fuzz");
    std::uint64_t at = header.data_begin;
    for (const auto& tensor : header.tensors) at += tensor.elements() * slalom::dtype_bytes(tensor.dtype);
    if (at != size) std::abort();
  } catch (const slalom::Error&) {
    return 0;
  }
  return 0;
}
