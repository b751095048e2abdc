// libFuzzer: whatever an earlier explain left, finished_rows throws Error or gives rows that lie in the file.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "folder.hpp"
#include "slalom/base/error.hpp"
#include "slalom/cli/resume.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  static const slalom::test::FuzzFolder folder;
  folder.write("out.jsonl.partial", {reinterpret_cast<const char*>(bytes), size});
  try {
    const slalom::FinishedRows finished = slalom::finished_rows(folder.file("out.jsonl"), {{"seed", 0}});
    const auto rows = static_cast<slalom::Index>(finished.rows.size());
    if (finished.bytes > size || finished.failed < 0 || finished.failed > rows) std::abort();
    if (finished.bytes > 0 && bytes[finished.bytes - 1] != '\n') std::abort();
    for (const slalom::FinishedRows::Row& row : finished.rows)
      if (!nlohmann::json::accept(row.id_json)) std::abort();
  } catch (const slalom::Error&) {
    return 0;
  }
  return 0;
}
