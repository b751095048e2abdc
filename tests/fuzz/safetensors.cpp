// libFuzzer: whatever the bytes, parse_safetensors_header throws Error or describes tensors inside the file.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "slalom/base/error.hpp"
#include "slalom/model_io/safetensors.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  try {
    const auto header =
        slalom::parse_safetensors_header({reinterpret_cast<const char*>(bytes), size}, size, "fuzz");
    std::uint64_t at = header.data_begin;
    for (const auto& tensor : header.tensors) at += tensor.elements() * slalom::dtype_bytes(tensor.dtype);
    if (at != size) std::abort();
  } catch (const slalom::Error&) {
    return 0;
  }
  return 0;
}
