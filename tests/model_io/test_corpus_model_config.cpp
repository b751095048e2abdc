// Hostile config.json texts: what is not a configuration is an error that names its file.
#include <doctest/doctest.h>

#include <filesystem>

#include "slalom/base/error.hpp"
#include "slalom/base/files.hpp"
#include "slalom/model_io/model_folder.hpp"

using namespace slalom;

TEST_CASE("corpus: every bad config.json is an error that names its file") {
  int good = 0, bad = 0;
  for (const auto& entry : std::filesystem::directory_iterator("tests/corpus/config")) {
    const std::string path = entry.path().string();
    CAPTURE(path);
    if (entry.path().filename().string().starts_with("good")) {
      ++good;
      CHECK_NOTHROW(parse_config(read_file(path), path));
      continue;
    }
    ++bad;
    try {
      parse_config(read_file(path), path);
      FAIL_CHECK("not refused");
    } catch (const Error& error) {
      const std::string message = error.what();
      CHECK(message.starts_with(path + ": "));
      CHECK(message.size() > path.size() + 2);
    }
  }
  CHECK(good >= 10);
  CHECK(bad >= 160);
}

TEST_CASE("corpus: what a good config.json says is kept when it is written and read again") {
  for (const auto& entry : std::filesystem::directory_iterator("tests/corpus/config")) {
    if (!entry.path().filename().string().starts_with("good")) continue;
    const std::string path = entry.path().string();
    CAPTURE(path);
    const std::string written = config_json(parse_config(read_file(path), path));
    CHECK(config_json(parse_config(written, "written")) == written);
  }
}
