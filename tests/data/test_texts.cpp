#include "slalom/data/texts.hpp"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "../support/error_of.hpp"
#include "../support/temporary_folder.hpp"
#include "slalom/base/error.hpp"

using namespace slalom;
using test::TemporaryFolder;

namespace {

std::vector<TextRow> read_all(const std::string& path, RowFormat format = RowFormat::automatic) {
  TextReader reader(path, format);
  std::vector<TextRow> rows;
  for (TextRow row; reader.next(row);) rows.push_back(row);
  return rows;
}

std::string error_of(const std::string& path, RowFormat format = RowFormat::automatic) {
  return test::error_of([&] { read_all(path, format); });
}

}  // namespace

TEST_CASE("texts: the format follows the name, then the first line") {
  const TemporaryFolder folder("texts");
  folder.write(
      "a.jsonl",
      "{\"text\": \"one\", \"label\": 1, \"id\": \"x\"}\n{\"text\": \"two\", \"text_pair\": \"b\"}\n");
  folder.write("a.tsv", "0\tone\ttab\n1\t\n");
  folder.write("a.txt", "{\"text\": 1}\n\n7\ttwo\n");
  folder.write("tsv", "12\tone\n");
  folder.write("json", "\xEF\xBB\xBF {\"text\": \"one\"}\n");
  folder.write("plain", "12 monkeys\n{}\n");
  const std::vector<TextRow> json = read_all(folder.file("a.jsonl")), tsv = read_all(folder.file("a.tsv")),
                             plain = read_all(folder.file("a.txt"));
  REQUIRE(json.size() == 2);
  CHECK(json[0].text == "one");
  CHECK(json[0].label == 1);
  CHECK(json[0].id_json == "\"x\"");
  CHECK_FALSE(json[0].pair);
  CHECK(json[1].pair == "b");
  CHECK(json[1].id_json == "1");
  REQUIRE(tsv.size() == 2);
  CHECK(tsv[0].text == "one\ttab");  // only the first tab separates
  CHECK(tsv[0].label == 0);
  CHECK(tsv[1].text.empty());
  REQUIRE(plain.size() == 2);
  CHECK(plain[0].text == "{\"text\": 1}");
  CHECK(plain[1].text == "7\ttwo");
  CHECK(plain[1].line == 3);
  CHECK(read_all(folder.file("tsv"))[0].label == 12);
  CHECK(read_all(folder.file("json"))[0].text == "one");
  CHECK(read_all(folder.file("plain"))[1].text == "{}");
  CHECK(read_all(folder.file("a.tsv"), RowFormat::text)[0].text == "0\tone\ttab");
}

TEST_CASE("texts: bad rows are named by file, line and field") {
  const TemporaryFolder folder("texts");
  folder.write("no_tab.tsv", "1\tfine\nno tab\n");
  folder.write("no_number.tsv", "sentence\tlabel\n");
  folder.write("no_text.jsonl", "{\"label\": 1}\n");
  folder.write("pair.jsonl", "{\"text\": \"a\", \"text_pair\": 3}\n");
  CHECK(error_of(folder.file("no_tab.tsv")) ==
        folder.file("no_tab.tsv") + ": line 2: found no tab, wanted label<TAB>text");
  CHECK(error_of(folder.file("no_number.tsv")) ==
        folder.file("no_number.tsv") + ": line 1: label: found \"sentence\", wanted a number");
  CHECK(error_of(folder.file("no_text.jsonl")).find("line 1: field \"text\": ") != std::string::npos);
  CHECK(error_of(folder.file("pair.jsonl")).find("line 1: field \"text_pair\": found 3") !=
        std::string::npos);
  CHECK(error_of(folder.file("missing.tsv")).find("missing.tsv: cannot") != std::string::npos);
  CHECK_THROWS_AS(row_format_named("csv"), UsageError);
}
