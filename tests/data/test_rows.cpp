#include "slalom/data/rows.hpp"

#include <doctest/doctest.h>
#include <zlib.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <string_view>

#include "../support/temporary_file.hpp"
#include "slalom/base/error.hpp"

using namespace slalom;
using test::TemporaryFile;

namespace {

std::vector<InputRow> read_all(const std::string& path, RowLimits limits = {100, 2}) {
  RowReader reader(path, limits);
  std::vector<InputRow> rows;
  for (InputRow row; reader.next(row);) rows.push_back(row);
  return rows;
}

/// The message for a file of this one line, without "FILE: line 1: ".
std::string message_for(std::string_view line, RowLimits limits = {100, 2}) {
  const TemporaryFile file(line);
  try {
    read_all(file.path, limits);
  } catch (const Error& error) {
    const std::string message = error.what(), where = file.path + ": line 1: ";
    CHECK(message.starts_with(where));
    return message.substr(std::min(where.size(), message.size()));
  }
  return "no error";
}

}  // namespace

TEST_CASE("rows: fields, defaults and line numbers") {
  const TemporaryFile file(
      "{\"input_ids\": [1, 99, 2], \"id\": \"a\\u00e4\", \"label\": 1, \"log_odds\": -2.5}\n"
      "\n"
      "  \r\n"
      "{\"log_odds\": 3, \"label\": null, \"input_ids\": [0], \"text\": \"the\", \"other\": {}}\r\n"
      "{\"input_ids\": [4], \"id\": 17}");
  const std::vector<InputRow> rows = read_all(file.path);
  REQUIRE(rows.size() == 3);
  CHECK(rows[0].id_json == "\"aä\"");
  CHECK(rows[0].ids == std::vector<TokenId>{1, 99, 2});
  CHECK(rows[0].label == 1);
  CHECK(rows[0].log_odds == -2.5);
  CHECK(rows[0].line == 1);
  CHECK(rows[1].id_json == "1");
  CHECK(rows[1].ids == std::vector<TokenId>{0});
  CHECK_FALSE(rows[1].label.has_value());
  CHECK(rows[1].log_odds == 3);
  CHECK(rows[1].line == 4);
  CHECK(rows[2].id_json == "17");
  CHECK_FALSE(rows[2].log_odds.has_value());
}

TEST_CASE("rows: gzip is read as it is") {
  const TemporaryFile file("");
  const std::string packed = file.path + ".gz";
  gzFile out = gzopen(packed.c_str(), "wb");
  gzputs(out, "{\"input_ids\":[5]}\n{\"input_ids\":[6]}\n");
  gzclose(out);
  const std::vector<InputRow> rows = read_all(packed);
  std::filesystem::remove(packed);
  REQUIRE(rows.size() == 2);
  CHECK(rows[1].ids == std::vector<TokenId>{6});
}

TEST_CASE("rows: bad token ids") {
  const auto ids = [](const std::string& list) { return message_for("{\"input_ids\": " + list + "}"); };
  const auto wanted = [](const std::string& place, const std::string& found) {
    return "field \"input_ids\"[" + place + "]: found " + found + ", wanted an integer from 0 to 99";
  };
  CHECK(ids("[99]") == "no error");
  CHECK(ids("[]") == "field \"input_ids\": found [], wanted a token or more");
  CHECK(ids("[3, 100]") == wanted("1", "100"));
  CHECK(ids("[-1]") == wanted("0", "-1"));
  CHECK(ids("[1.0]") == wanted("0", "1.0"));
  CHECK(ids("[\"the\"]") == wanted("0", "\"the\""));
  CHECK(ids("[true]") == wanted("0", "true"));
  CHECK(ids("[null]") == wanted("0", "null"));
  CHECK(ids("[[1]]") == wanted("0", "[1]"));
  CHECK(ids("[4294967297]") == wanted("0", "4294967297"));
  CHECK(ids("[18446744073709551615]") == wanted("0", "18446744073709551615"));
  CHECK(ids("[\"" + std::string(500, 'x') + "\"]") == wanted("0", "\"" + std::string(59, 'x') + "..."));
  for (const char* other : {"3", "\"1 2\"", "{}"}) {
    const std::string message = ids(other);
    CHECK(message.starts_with("field \"input_ids\": found "));
  }
}

TEST_CASE("rows: bad labels, log-odds and ids") {
  for (const char* label : {"2", "-1", "1.0", "\"1\"", "true"})
    CHECK(
        message_for(concat("{\"input_ids\": [1], \"label\": ", label, "}")).starts_with("field \"label\": "));
  CHECK(message_for("{\"input_ids\": [1], \"label\": 2}", {100, 3}) == "no error");
  CHECK(message_for("{\"input_ids\": [1], \"log_odds\": \"2\"}").starts_with("field \"log_odds\": "));
  CHECK(message_for("{\"input_ids\": [1], \"id\": [1]}") ==
        "field \"id\": found [1], wanted a string or a number");
}

TEST_CASE("rows: labels of their own, and numbers") {
  const auto targets = [](const char* label, ProblemType problem, int classes) {
    const TemporaryFile file(concat("{\"input_ids\": [1], \"label\": ", label, "}\n"));
    RowReader reader(file.path, {.vocabulary = 100, .classes = classes, .problem = problem});
    InputRow row;
    reader.next(row);
    CHECK_FALSE(row.label);
    return row.targets;
  };
  using Numbers = std::vector<double>;
  CHECK(targets("[0, 1, 1]", ProblemType::multi_label, 3) == Numbers{0, 1, 1});
  CHECK(targets("[1]", ProblemType::multi_label, 0) == Numbers{1});
  CHECK(targets("-2.5", ProblemType::regression, 1) == Numbers{-2.5});
  CHECK(targets("[0.5, 3]", ProblemType::regression, 2) == Numbers{0.5, 3});
  for (const char* label : {"[0, 1]", "[0, 1, 2]", "[0, 1, 0.5]", "1", "[]", "[true, 0, 1]", "\"a\""})
    CHECK_THROWS_WITH_AS(targets(label, ProblemType::multi_label, 3),
                         doctest::Contains("wanted a list of 3 times 0 or 1"), RowError);
  for (const char* label : {"\"a\"", "[1, 2]", "true"})
    CHECK_THROWS_AS(targets(label, ProblemType::regression, 1), RowError);
}

TEST_CASE("rows: segments that the model does not have are refused") {
  const TemporaryFile file("{\"input_ids\": [1, 2], \"token_type_ids\": [0, 1]}\n");
  RowReader reader(file.path, {.vocabulary = 100, .types = 1});
  InputRow row;
  CHECK_THROWS_WITH_AS(reader.next(row), doctest::Contains("\"token_type_ids\"[1]: found 1"), RowError);
}

TEST_CASE("rows: lines that are no rows") {
  CHECK(message_for("{the movie").starts_with("byte "));
  CHECK(message_for("{\"input_ids\": [1]").starts_with("byte "));
  CHECK(message_for("[1, 2]") != "no error");
  CHECK(message_for("{}").starts_with("field \"input_ids\": "));
  CHECK(message_for("{\"input_ids\": null}").starts_with("field \"input_ids\": "));
}

TEST_CASE("rows: text without ids says what is missing") {
  const TemporaryFile file("{\"input_ids\": [1]}\n{\"text\": \"the movie\"}\n");
  RowReader reader(file.path, {100, 2});
  InputRow row;
  CHECK(reader.next(row));
  try {
    reader.next(row);
    FAIL("no error");
  } catch (const Error& error) {
    CHECK(error.what() == file.path + ": line 2: field \"input_ids\": found only \"text\", wanted token ids");
    CHECK(error.hint() ==
          "turning text into ids needs a folder with tokenizer files; give rows of input_ids");
  }
}

TEST_CASE("rows: a missing file, an empty file") {
  CHECK_THROWS_AS(RowReader("/nonexistent/rows.jsonl", RowLimits{100, 2}), Error);
  const TemporaryFile file("");
  CHECK(read_all(file.path).empty());
}

TEST_CASE("rows: scores are one number or null for each token") {
  const TemporaryFile file("{\"input_ids\":[1,2,3],\"scores\":[null,0.5,-2]}\n{\"input_ids\":[4]}\n");
  const std::vector<InputRow> rows = read_all(file.path);
  REQUIRE(rows.size() == 2);
  REQUIRE(rows[0].scores.size() == 3);
  CHECK(std::isnan(rows[0].scores[0]));
  CHECK(rows[0].scores[1] == 0.5);
  CHECK(rows[0].scores[2] == -2);
  CHECK(rows[1].scores.empty());
  CHECK(message_for("{\"input_ids\":[1,2],\"scores\":[1]}") ==
        "field \"scores\": found 1 numbers, wanted one for each of 2 tokens");
  CHECK(message_for("{\"input_ids\":[1,2],\"scores\":[1,\"x\"]}") ==
        "field \"scores\"[1]: found \"x\", wanted a number or null");
}
