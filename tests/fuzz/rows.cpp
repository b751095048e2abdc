// libFuzzer: whatever the bytes, RowReader throws Error or gives rows within its limits, whose ids are JSON.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>

#include "memory_file.hpp"
#include "slalom/base/error.hpp"
#include "slalom/data/rows.hpp"

namespace {

constexpr slalom::RowLimits kLimits{.vocabulary = 100, .classes = 3, .longest = 32};

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
    for (slalom::RowReader reader(slalom::test::memory_file(bytes, size), kLimits); reader.next(row);) {
      if (!within_limits(row) || !nlohmann::json::accept(row.id_json)) std::abort();
    }
  } catch (const slalom::Error&) {
    return 0;
  }
  return 0;
}
