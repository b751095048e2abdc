// libFuzzer: whatever a classifier command answers, parse_program_answer throws Error or gives a number.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "slalom/base/error.hpp"
#include "slalom/explain/black_box.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  try {
    const auto answer =
        slalom::parse_program_answer({reinterpret_cast<const char*>(bytes), size}, "answer 1");
    if (!std::isfinite(answer.log_odds)) std::abort();
  } catch (const slalom::Error&) {
    return 0;
  }
  return 0;
}
