// libFuzzer: whatever a table of SLALOM words holds, its reader throws Error or gives words that texts can be
// drawn from, whose log-odds is finite.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "memory_file.hpp"
#include "slalom/base/error.hpp"
#include "slalom/data/synthetic.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  try {
    const auto words = slalom::read_slalom_words(slalom::test::memory_file(bytes, size));
    const slalom::SlalomSource source(1, words);
    slalom::SyntheticText text;
    for (slalom::Index i = 0; i < 3; ++i) {
      source.get(i, text);
      if (text.tokens.empty() || !std::isfinite(source.log_odds(text.tokens))) std::abort();
    }
  } catch (const slalom::Error&) {
    return 0;
  }
  return 0;
}
