// libFuzzer: whatever the bytes, parse_json returns a value or throws Error.
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>

#include "slalom/base/error.hpp"
#include "slalom/base/json.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  try {
    slalom::parse_json({reinterpret_cast<const char*>(bytes), size}, "fuzz").dump();
  } catch (const slalom::Error&) {
    return 0;
  }
  return 0;
}
