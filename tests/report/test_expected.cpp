#include "slalom/report/expected.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <string>

#include "slalom/base/error.hpp"

namespace {

using namespace slalom;

const std::string kHeader = "name\tlow\thigh\tsource\n";

/// A file below the system's temporary folder, removed at the end.
struct File {
  std::string path =
      (std::filesystem::temp_directory_path() / ("slalom_expected_" + std::to_string(getpid()) + ".tsv"))
          .string();
  explicit File(const std::string& content) { std::ofstream(path, std::ios::binary) << content; }
  ~File() { std::filesystem::remove(path); }
};

TEST_CASE("expectations are read in order, comments and open ends included") {
  const File file("# Figure 3\n" + kHeader +
                  "slope\t1.4\t1.6\tSection 4\n\n# more\ngap\t-inf\t1e-3\t\r\nr2\t0.9\tinf\tTable 1");
  const auto read = read_expected(file.path);
  REQUIRE(read.size() == 3);
  CHECK(read[0].name == "slope");
  CHECK(read[0].low == 1.4);
  CHECK(read[0].high == 1.6);
  CHECK(read[0].source == "Section 4");
  CHECK(read[1].low == -INFINITY);
  CHECK(read[1].high == 1e-3);
  CHECK(read[1].source.empty());
  CHECK(read[2].high == INFINITY);
}

TEST_CASE("a bad file is refused with file, line, field, found and wanted") {
  const auto refused = [](const std::string& content, const std::string& message) {
    const File file(content);
    CHECK_THROWS_WITH_AS(read_expected(file.path), (file.path + message).c_str(), Error);
  };
  refused("", ": no expectations, wanted a header and at least one line");
  refused(kHeader, ": no expectations, wanted a header and at least one line");
  refused("#\nname,low\n", ": line 2: header is \"name,low\", wanted name, low, high, source between tabs");
  refused(kHeader + "a\t1\t2\n", ": line 2: 3 fields, wanted 4: name, low, high, source");
  refused(kHeader + "a\t1\t2\tx\ty\n", ": line 2: 5 fields, wanted 4: name, low, high, source");
  refused(kHeader + "\t1\t2\tx\n", ": line 2: name is empty");
  refused(kHeader + "a\t1x\t2\tx\n", ": line 2: low is \"1x\", wanted a number, -inf or inf");
  refused(kHeader + "a\t1\t\tx\n", ": line 2: high is \"\", wanted a number, -inf or inf");
  refused(kHeader + "a\tnan\t2\tx\n", ": line 2: low is \"nan\", wanted a number, -inf or inf");
  refused(kHeader + "a\t3\t2\tx\n", ": line 2: low is 3, wanted at most high, 2");
  refused(kHeader + "a\t1\t2\tx\na\t1\t2\tx\n", ": line 3: name \"a\" is there twice");
}

TEST_CASE("bounds belong to the range; NaN and what was not measured never hold") {
  const Expectation e{"a", 1, 2, ""};
  for (const double inside : {1.0, 1.5, 2.0}) CHECK(Verdict{e, inside}.holds());
  for (const double outside : {0.999, 2.001, std::numeric_limits<double>::quiet_NaN()})
    CHECK_FALSE(Verdict{e, outside}.holds());
  CHECK_FALSE(Verdict{e, {}}.holds());
  CHECK_FALSE(Verdict{e, {}}.measured());
}

TEST_CASE("every expectation gets its verdict, and the table shows it") {
  const std::vector<Expectation> expected{
      {"slope", 1.4, 1.6, "Section 4"}, {"gap", -INFINITY, 0.001, "ours"}, {"r2", 0.9, INFINITY, "Table 1"}};
  const auto verdicts =
      compare_with_expected(expected, {{"gap", 0.00100000001}, {"slope", 1.5}, {"other", 7}});
  REQUIRE(verdicts.size() == 3);
  CHECK(verdicts[0].holds());
  CHECK(verdicts[1].found == 0.00100000001);
  CHECK_FALSE(verdicts[2].found.has_value());
  CHECK(verdict_table(verdicts).tsv() ==
        "name\tfound\tlow\thigh\tverdict\tsource\n"
        "slope\t1.5\t1.4\t1.6\tholds\tSection 4\n"
        "gap\t0.00100000001\t-inf\t0.001\tFAILS\tours\n"
        "r2\t\t0.9\tinf\tnot measured\tTable 1\n");
}

}  // namespace
