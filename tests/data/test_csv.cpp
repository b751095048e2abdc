#include "slalom/data/csv.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>

#include "../support/error_of.hpp"
#include "../support/temporary_file.hpp"
#include "slalom/base/error.hpp"

using namespace slalom;
using test::TemporaryFile;

namespace {

using Records = std::vector<std::vector<std::string>>;

Records read_all(const std::string& path, std::size_t longest = CsvReader::kLongestRecord) {
  CsvReader reader(path, longest);
  Records records;
  for (std::vector<std::string> fields; reader.next(fields);) records.push_back(fields);
  return records;
}

Records records_of(std::string_view bytes) {
  return read_all(TemporaryFile(bytes, "csv").path);
}

/// The message of the Error that these bytes give, without the name of the file.
std::string message_of(std::string_view bytes, std::size_t longest = CsvReader::kLongestRecord) {
  const TemporaryFile file(bytes, "csv");
  return test::error_without(file.path, [&] { read_all(file.path, longest); });
}

}  // namespace

TEST_CASE("csv: the examples of RFC 4180, section 2") {
  const Records want = {{"aaa", "bbb", "ccc"}, {"zzz", "yyy", "xxx"}};
  CHECK(records_of("aaa,bbb,ccc\r\nzzz,yyy,xxx\r\n") == want);
  CHECK(records_of("aaa,bbb,ccc\r\nzzz,yyy,xxx") == want);
  CHECK(records_of("\"aaa\",\"bbb\",\"ccc\"\r\nzzz,yyy,xxx") == want);
  CHECK(records_of("\"aaa\",\"b\r\nbb\",\"ccc\"\r\nzzz,yyy,xxx") ==
        Records{{"aaa", "b\r\nbb", "ccc"}, want[1]});
  CHECK(records_of("\"aaa\",\"b\"\"bb\",\"ccc\"") == Records{{"aaa", "b\"bb", "ccc"}});
}

TEST_CASE("csv: empty fields are fields, empty lines are nothing") {
  CHECK(records_of("") == Records{});
  CHECK(records_of("\n\r\n\n") == Records{});
  CHECK(records_of(",") == Records{{"", ""}});
  CHECK(records_of("a,\n,b\n") == Records{{"a", ""}, {"", "b"}});
  CHECK(records_of("\"\"") == Records{{""}});
  CHECK(records_of("\"\"\n\nx\n") == Records{{""}, {"x"}});
  CHECK(records_of("\"\",\"\"\"\",\",\"\r\n") == Records{{"", "\"", ","}});
}

TEST_CASE("csv: a byte order mark is no text, a carriage return inside a line is") {
  CHECK(records_of("\xEF\xBB\xBF"
                   "a,b\n") == Records{{"a", "b"}});
  CHECK(records_of("\xEF\xBB\xBF"
                   "\"a\"\n") == Records{{"a"}});
  CHECK(records_of("a\rb,c\r\n") == Records{{"a\rb", "c"}});
  CHECK(records_of("\xFF,b\n") == Records{{"\xFF", "b"}});
}

TEST_CASE("csv: where() names the line on which a record begins") {
  const TemporaryFile file("a\n\"b\nb\",\"\n\"\n\nc\n", "csv");
  CsvReader reader(file.path);
  std::vector<std::string> fields;
  for (const Index line : {1, 2, 6}) {
    REQUIRE(reader.next(fields));
    CHECK(reader.line_number() == line);
    CHECK(reader.where() == concat(file.path, ": line ", line));
  }
  CHECK_FALSE(reader.next(fields));
}

TEST_CASE("csv: records that lie across the reader's buffer come out whole") {
  Records want;
  std::string bytes;
  for (int i = 0; i < 30'000; ++i) {
    want.push_back({std::to_string(i), std::string(static_cast<std::size_t>(i % 40), 'x') + "\"\n"});
    bytes += concat(i, ",\"", std::string(static_cast<std::size_t>(i % 40), 'x'), "\"\"\n\"\r\n");
  }
  CHECK(records_of(bytes) == want);
}

TEST_CASE("csv: what RFC 4180 does not have is refused with its line") {
  CHECK(message_of("a\n\"b\n\nc") == ": line 2: found a quote that is never closed");
  CHECK(message_of("\"") == ": line 1: found a quote that is never closed");
  const std::string behind = "found text behind a closing quote, wanted a comma or the end of the line";
  CHECK(message_of("a\n\"b\"c\n") == ": line 2: " + behind);
  CHECK(message_of("\"b\nb\" ,c\n") == ": line 2: " + behind);
  CHECK(message_of("\"b\"\rc\n") == ": line 1: " + behind);
  CHECK(message_of("a,b\"c\"\n") ==
        ": line 1: found a quote inside a field without quotes, wanted the whole field in quotes");
  CHECK_THROWS_WITH_AS(read_all("no/such.csv"), doctest::Contains("no/such.csv: cannot open"), Error);
}

TEST_CASE("csv: a record longer than the bound is refused, one as long is not") {
  // each field counts its bytes and one more
  CHECK(message_of("abc,def\n", 8) == "no error");
  CHECK(message_of("abc,def\nabc,defg\n", 8) == ": line 2: the record is longer than 8 bytes");
  CHECK(message_of("\"abcdefgh\n", 8) == ": line 1: the record is longer than 8 bytes");
  CHECK(message_of(std::string(100, ','), 50) == ": line 1: the record is longer than 50 bytes");
}

TEST_CASE("corpus: every bad CSV file is an error that names it") {
  int good = 0, bad = 0;
  for (const auto& entry : std::filesystem::directory_iterator("tests/corpus/csv")) {
    const std::string path = entry.path().string();
    CAPTURE(path);
    if (entry.path().filename().string().starts_with("good")) {
      ++good;
      CHECK(read_all(path).size() >= 1);
      continue;
    }
    ++bad;
    CHECK_THROWS_WITH_AS(read_all(path), doctest::Contains((path + ": ").c_str()), Error);
  }
  CHECK(good >= 5);
  CHECK(bad >= 6);
}
