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
  CHECK_THROWS_AS(row_format_named("xml"), UsageError);
}

TEST_CASE("texts: CSV by its header, whatever separates, quotes and line breaks included") {
  const TemporaryFolder folder("texts");
  folder.write("comma.csv", "label,text,id\r\n1,\"good, \"\"really\"\"\nnew line\",a\r\n,bad,b\r\n");
  folder.write("semicolon.csv", "\xEF\xBB\xBFtext;label\none, two;3\n");
  folder.write("tab.csv", "text\tlabel\none;two\t4\n");
  const std::vector<TextRow> comma = read_all(folder.file("comma.csv"));
  REQUIRE(comma.size() == 2);
  CHECK(comma[0].text == "good, \"really\"\nnew line");
  CHECK(comma[0].label == 1);
  CHECK(comma[0].id_json == "\"a\"");
  CHECK(comma[1].text == "bad");
  CHECK_FALSE(comma[1].label);
  CHECK(comma[1].line == 4);
  CHECK(read_all(folder.file("semicolon.csv"))[0].text == "one, two");
  CHECK(read_all(folder.file("tab.csv"))[0].label == 4);
  folder.write("named.csv", "review,stars\nfine,5\n");
  TextReader named(folder.file("named.csv"), RowFormat::automatic, {"review", "stars"});
  TextRow row;
  REQUIRE(named.next(row));
  CHECK(row.text == "fine");
  CHECK(row.label == 5);
  CHECK(error_of(folder.file("named.csv")) ==
        folder.file("named.csv") + ": line 1: found the columns \"review\", \"stars\", wanted one \"text\"");
}

TEST_CASE("texts: a bad row is a RowError with its number and line, and the next one can be read") {
  const TemporaryFolder folder("texts");
  folder.write("a.csv", "text,label\none,1\ntwo\nthree,x\nfour,4\n");
  folder.write("a.jsonl", "{\"text\": \"one\"}\n{\n{\"id\": \"x\"}\n{\"text\": \"four\"}\n");
  for (const char* name : {"a.csv", "a.jsonl"}) {
    CAPTURE(std::string(name));
    TextReader reader(folder.file(name));
    TextRow row;
    REQUIRE(reader.next(row));
    CHECK_THROWS_AS(reader.next(row), RowError);
    CHECK(row.id_json == "1");
    CHECK(row.line == (name == std::string("a.csv") ? 3 : 2));
    CHECK_THROWS_AS(reader.next(row), RowError);
    CHECK(row.id_json == (name == std::string("a.csv") ? "2" : "\"x\""));
    REQUIRE(reader.next(row));
    CHECK(row.text == "four");
    CHECK(row.id_json == "3");
    CHECK_FALSE(reader.next(row));
  }
  folder.write("open.csv", "text\n\"never closed\n");
  TextReader open(folder.file("open.csv"));
  TextRow row;
  bool ends = false;
  try {
    open.next(row);
  } catch (const RowError&) {
  } catch (const Error&) {
    ends = true;  // there are no rows behind it
  }
  CHECK(ends);
}

TEST_CASE("texts: a first line that only looks like JSON is told how to be read") {
  const TemporaryFolder folder("texts");
  folder.write("quoted", "\"The movie\", she said\n");
  TextReader reader(folder.file("quoted"));
  TextRow row;
  try {
    reader.next(row);
    FAIL("no error");
  } catch (const Error& e) {
    CHECK(e.hint().find("--format") != std::string::npos);
  }
}
