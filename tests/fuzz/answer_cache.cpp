// libFuzzer: whatever a cache of answers holds, reading it throws Error or gives answers, and one more can be
// added and found again.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "folder.hpp"
#include "slalom/base/error.hpp"
#include "slalom/openai/answer_cache.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  static const slalom::test::FuzzFolder folder;
  folder.write("answers", {reinterpret_cast<const char*>(bytes), size});
  const std::string key(64, 'f');
  try {
    slalom::AnswerCache cache(folder.file("answers"));
    cache.add(key, {{-1, -2}, {true, false}});
  } catch (const slalom::Error&) {
    return 0;
  }
  const slalom::AnswerCache again(folder.file("answers"));
  const slalom::LabelLogProbabilities* found = again.find(key);
  if (found == nullptr || !std::isfinite(found->log_odds())) std::abort();
  return 0;
}
