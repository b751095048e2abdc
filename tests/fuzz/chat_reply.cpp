// libFuzzer: whatever a server of chat completions replies, reading it throws Error or gives finite log-odds,
// and what it says of an error is quoted at a bounded length.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "slalom/base/error.hpp"
#include "slalom/openai/chat.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const std::string_view body(reinterpret_cast<const char*>(bytes), size);
  if (slalom::server_message(body).size() > 6 * 300 + 10) std::abort();
  try {
    const slalom::ChatAnswer answer = slalom::read_answer(slalom::parse_json(body, "reply"));
    const auto found = slalom::label_log_probabilities(answer.listed, {"negative", "positive"});
    if (!std::isfinite(found.log_odds())) std::abort();
  } catch (const slalom::Error&) {
    return 0;
  }
  return 0;
}
