#include "slalom/report/table.hpp"

#include <doctest/doctest.h>

#include "slalom/base/error.hpp"

namespace {

using namespace slalom;

Table example() {
  Table table({{"model"}, {"layers", Table::Align::right}, {"note"}});
  table.add_row({"BERT", "12", "größer"});
  table.add_row({"a|b", "1", ""});
  return table;
}

TEST_CASE("text is aligned by the columns of a terminal, with a rule and no spaces at the end of a line") {
  CHECK(example().text() ==
        "model  layers  note\n"
        "-----  ------  ------\n"
        "BERT       12  größer\n"
        "a|b         1\n");
}

// 日 and 本 take two columns each, a combining acute accent none.
TEST_CASE("text: wide and combining characters keep the columns in line") {
  Table table({{"token"}, {"日本語", Table::Align::right}, {"n"}});
  table.add_row({"日本", "1", "|"});
  table.add_row({"cafe\u0301s", "22", "|"});
  CHECK(table.text() ==
        "token  日本語  n\n"
        "-----  ------  -\n"
        "日本        1  |\n"
        "cafe\u0301s      22  |\n");
}

TEST_CASE("Markdown states the alignment and escapes the bar") {
  CHECK(example().markdown() ==
        "| model | layers | note |\n"
        "| --- | ---: | --- |\n"
        "| BERT | 12 | größer |\n"
        "| a\\|b | 1 |  |\n");
}

TEST_CASE("CSV and TSV keep every character of a cell") {
  Table table({{"x,y"}, {"z"}});
  table.add_row({"say \"hi\"", "two\nlines"});
  table.add_row({"back\\slash", "a\tb\r"});
  CHECK(table.csv() == "\"x,y\",z\n\"say \"\"hi\"\"\",\"two\nlines\"\nback\\slash,\"a\tb\r\"\n");
  CHECK(table.tsv() == "x,y\tz\nsay \"hi\"\ttwo\\nlines\nback\\\\slash\ta\\tb\\r\n");
}

TEST_CASE("text and Markdown keep a row on its line") {
  Table table({{"x"}});
  table.add_row({"two\nlines"});
  CHECK(table.text() == "x\n---------\ntwo lines\n");
  CHECK(table.markdown() == "| x |\n| --- |\n| two lines |\n");
}

TEST_CASE("a table without rows is its headers") {
  const Table table({{"x"}, {"y"}});
  CHECK(table.text() == "x  y\n-  -\n");
  CHECK(table.csv() == "x,y\n");
}

TEST_CASE("a row with a wrong number of cells and a table without columns are errors") {
  Table table = example();
  CHECK_THROWS_WITH_AS(table.add_row({"x", "y"}), "[table] a row has 2 cells, the table has 3 columns",
                       Error);
  CHECK(table.rows().size() == 2);
  CHECK_THROWS_WITH_AS(Table({}), "[table] no columns, wanted at least one", Error);
}

}  // namespace
