// libFuzzer: whatever the bytes, parse_config throws Error or gives a valid configuration, and the
// config.json written from it says the same.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "slalom/base/error.hpp"
#include "slalom/model_io/model_folder.hpp"

namespace {

constexpr slalom::Index kMostLabels = 1000;  // each has a name to write and to read back

void check_round_trip(const slalom::ClassifierConfig& config) {
  const std::string json = slalom::config_json(config);
  if (slalom::config_json(slalom::parse_config(json, "written")) != json) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  slalom::ClassifierConfig config;
  try {
    config = slalom::parse_config({reinterpret_cast<const char*>(bytes), size}, "fuzz");
  } catch (const slalom::Error&) {
    return 0;
  }
  config.validate("fuzz");
  if (config.labels <= kMostLabels) check_round_trip(config);
  return 0;
}
