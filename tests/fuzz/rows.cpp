// libFuzzer: whatever the bytes, RowReader throws Error or gives rows within its limits, whose ids are JSON.
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>

#include "slalom/base/error.hpp"
#include "slalom/data/rows.hpp"

namespace {

constexpr slalom::RowLimits kLimits{.vocabulary = 100, .classes = 3, .longest = 32};

/// The path of a file in memory that holds the bytes; the next call overwrites it.
std::string file_of(const std::uint8_t* bytes, std::size_t size) {
  static const int file = memfd_create("rows", 0);
  if (ftruncate(file, 0) != 0 || pwrite(file, bytes, size, 0) != static_cast<ssize_t>(size)) std::abort();
  return "/proc/self/fd/" + std::to_string(file);
}

bool within_limits(const slalom::InputRow& row) {
  const auto length = static_cast<slalom::Index>(row.ids.size());
  for (const slalom::TokenId id : row.ids)
    if (id < 0 || id >= kLimits.vocabulary) return false;
  const int label = row.label.value_or(0);
  return length >= 1 && length <= kLimits.longest && label >= 0 && label < kLimits.classes;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  slalom::InputRow row;
  try {
    for (slalom::RowReader reader(file_of(bytes, size), kLimits); reader.next(row);) {
      if (!within_limits(row) || !nlohmann::json::accept(row.id_json)) std::abort();
    }
  } catch (const slalom::Error&) {
    return 0;
  }
  return 0;
}
