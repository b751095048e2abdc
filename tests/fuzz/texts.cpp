// libFuzzer: whatever the bytes, in whatever format (the first byte chooses it), TextReader throws Error or
// gives rows whose ids are JSON and whose labels are class numbers.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>

#include "memory_file.hpp"
#include "slalom/base/error.hpp"
#include "slalom/data/texts.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  if (size == 0) return 0;
  constexpr slalom::RowFormat kFormats[] = {slalom::RowFormat::automatic, slalom::RowFormat::jsonl,
                                            slalom::RowFormat::tsv, slalom::RowFormat::text,
                                            slalom::RowFormat::csv};
  try {
    slalom::TextReader reader(slalom::test::memory_file(bytes + 1, size - 1), kFormats[bytes[0] % 5]);
    for (slalom::TextRow row; reader.next(row);)
      if (!nlohmann::json::accept(row.id_json) || row.label.value_or(0) < 0 || row.line < 1) std::abort();
  } catch (const slalom::Error&) {
    return 0;
  }
  return 0;
}
