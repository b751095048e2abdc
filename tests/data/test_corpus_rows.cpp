// Hostile row files: what is not a row is an error that names its file, whatever its size.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>

#include "../support/error_of.hpp"
#include "../support/temporary_file.hpp"
#include "slalom/base/error.hpp"
#include "slalom/data/rows.hpp"

using namespace slalom;
using test::TemporaryFile;

namespace {

/// Rows of the file, within the limits that the corpus is written for.
Index count_rows(const std::string& path, Index longest = 32) {
  RowReader reader(path, {.vocabulary = 100, .classes = 3, .longest = longest});
  Index rows = 0;
  for (InputRow row; reader.next(row);) ++rows;
  return rows;
}

/// The message of the Error that reading the file gives, without the name of the file.
std::string message_of(const TemporaryFile& file) {
  return test::error_without(file.path, [&] { count_rows(file.path); });
}

}  // namespace

TEST_CASE("corpus: every bad file of rows is an error that names it") {
  int good = 0, bad = 0;
  for (const auto& entry : std::filesystem::directory_iterator("tests/corpus/rows")) {
    const std::string path = entry.path().string();
    CAPTURE(path);
    if (entry.path().filename().string().starts_with("good")) {
      ++good;
      CHECK_NOTHROW(count_rows(path));
      continue;
    }
    ++bad;
    try {
      count_rows(path);
      FAIL_CHECK("not refused");
    } catch (const Error& error) {
      const std::string message = error.what();
      CHECK(message.starts_with(path + ": "));
      CHECK(message.size() > path.size() + 2);
    }
  }
  CHECK(good >= 8);
  CHECK(bad >= 60);
}

TEST_CASE("rows: a line of a million tokens is read, and refused where it is longer than the model's texts") {
  std::string line = "{\"input_ids\": [7";
  for (int i = 1; i < 1'000'000; ++i) line += ",7";
  const TemporaryFile file(line + "]}\n");
  CHECK(count_rows(file.path, 1'000'000) == 1);
  CHECK(message_of(file) ==
        ": line 1: field \"input_ids\": found 1000000 tokens, wanted at most 32, the model's positions");
}

TEST_CASE("rows: long lines of nonsense give short messages") {
  const std::string xs(1 << 20, 'x'), brackets(1 << 20, '[');
  for (const std::string& line :
       {xs, brackets, "\"" + xs, "{\"" + xs + "\": 1, \"" + xs + "\": 2}", "{\"input_ids\": \"" + xs + "\"}",
        "{\"input_ids\": [\"" + xs + "\"]}", "{\"input_ids\": [1], \"id\": [\"" + xs + "\"]}",
        "{\"input_ids\": [1], \"label\": \"" + xs + "\"}"}) {
    const std::string message = message_of(TemporaryFile(line));
    CHECK(message.starts_with(": line 1: "));
    CHECK(message.size() < 300);
  }
}

TEST_CASE("rows: a line beyond the longest is refused before it is parsed") {
  const TemporaryFile file("{\"input_ids\": [1]}\n" + std::string(LineReader::kLongestLine + 1, ' '));
  CHECK(message_of(file).starts_with(": line 2 is longer than "));
}
