// libFuzzer: whatever a record of the text study holds (the first byte chooses its kind), reading it throws
// Error or gives numbers that hold together.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>

#include "../../experiments/text_tables/text_tables.hpp"
#include "folder.hpp"
#include "slalom/base/error.hpp"

namespace {

void read_text_study(const slalom::test::FuzzFolder& folder, const char* name, std::string_view record) {
  std::filesystem::remove_all(folder.file("records"));
  std::filesystem::create_directory(folder.file("records"));
  folder.write(name, record);
  const slalom::text_tables::Study study = slalom::text_tables::read_study(folder.path());
  for (const slalom::text_tables::TextSet& set : study.sets)
    for (const auto& [metric, columns] : set.values)
      for (const auto& [source, values] : columns)
        if (static_cast<slalom::Index>(values.size()) != set.texts) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  static const slalom::test::FuzzFolder folder;
  if (size == 0) return 0;
  const std::string_view record(reinterpret_cast<const char*>(bytes + 1), size - 1);
  try {
    constexpr const char* kNames[] = {"records/shares_a.jsonl", "records/texts.jsonl",
                                      "records/runtime_a.jsonl"};
    read_text_study(folder, kNames[bytes[0] % 3], record);
  } catch (const slalom::Error&) {
    return 0;
  }
  return 0;
}
