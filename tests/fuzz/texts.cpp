// libFuzzer: whatever the bytes, in whatever format (the first byte chooses it), TextReader throws Error or
// gives rows whose ids are JSON and whose labels are class numbers.
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>

#include "slalom/base/error.hpp"
#include "slalom/data/texts.hpp"

namespace {

/// The path of a file in memory that holds the bytes; the next call overwrites it.
std::string file_of(const std::uint8_t* bytes, std::size_t size) {
  static const int file = memfd_create("texts", 0);
  if (ftruncate(file, 0) != 0 || pwrite(file, bytes, size, 0) != static_cast<ssize_t>(size)) std::abort();
  return "/proc/self/fd/" + std::to_string(file);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  if (size == 0) return 0;
  constexpr slalom::RowFormat kFormats[] = {slalom::RowFormat::automatic, slalom::RowFormat::jsonl,
                                            slalom::RowFormat::tsv, slalom::RowFormat::text};
  try {
    slalom::TextReader reader(file_of(bytes + 1, size - 1), kFormats[bytes[0] % 4]);
    for (slalom::TextRow row; reader.next(row);)
      if (!nlohmann::json::accept(row.id_json) || row.label.value_or(0) < 0 || row.line < 1) std::abort();
  } catch (const slalom::Error&) {
    return 0;
  }
  return 0;
}
