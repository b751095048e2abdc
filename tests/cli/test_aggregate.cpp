#include <doctest/doctest.h>

#include <cmath>

#include "../support/process.hpp"
#include "model_folder.hpp"

using namespace slalom;
using namespace slalom::test;

namespace {

/// A model that is a SLALOM exactly, with its words as vocabulary.
struct CompiledFolder : TemporaryFolder {
  CompiledFolder() : TemporaryFolder("compiled") {
    const Finished run =
        run_slalom({"train", "--compile-slalom", "toy", "--arch", "bert", "--output", file("model")});
    REQUIRE(run.status == 0);
  }
  Finished aggregate(const std::vector<std::string>& options) const {
    std::vector<std::string> all = {"explain", "--aggregate", "--model", file("model"), "--precision", "f64"};
    all.insert(all.end(), options.begin(), options.end());
    return run_slalom(all, {.input = "1\tbest the the\n0\tworst the\n1\tbest best worst\n"});
  }
};

}  // namespace

TEST_CASE("explain --aggregate: a card of every token, and how far to trust it") {
  const CompiledFolder folder;
  const Finished run = folder.aggregate({});
  CAPTURE(run.err);
  REQUIRE(run.status == 0);
  const std::vector<Json> rows = json_lines(run.out);
  REQUIRE(rows.size() == 1 + 3);
  CHECK(rows[0]["card"] == true);
  CHECK(rows[0]["tokens"] == 3);
  CHECK(rows[0]["texts"] == 3);
  CHECK(rows[0]["n"] == 3);
  CHECK(rows[0]["unseen"] == 3);
  CHECK(rows[0]["r2"].get<double>() > 1 - 1e-9);
  for (std::size_t i = 2; i < rows.size(); ++i)
    CHECK(std::abs(rows[i]["linear"].get<double>()) <= std::abs(rows[i - 1]["linear"].get<double>()));
  // best (importance .6, value 1.1), the (−1, .7), worst (.4, −1.6); importances are centred on their mean 0.
  for (std::size_t i = 1; i < rows.size(); ++i) {
    const std::string word = rows[i]["text"];
    const double value = word == "best" ? 1.1 : word == "the" ? 0.7 : -1.6;
    const double importance = word == "best" ? 0.6 : word == "the" ? -1.0 : 0.4;
    CHECK(std::abs(rows[i]["value"].get<double>() - value) <= 1e-6);
    CHECK(std::abs(rows[i]["importance"].get<double>() - importance) <= 1e-6);
    if (word == "best") {
      CHECK(rows[i]["count"] == 3);
      CHECK(std::abs(rows[i]["naive_bayes"].get<double>() - std::log(23.0 / 20.0)) <= 1e-12);
    }
  }
}

TEST_CASE("explain --aggregate: a report in words; options without effect are refused") {
  const CompiledFolder folder;
  const Finished run = folder.aggregate({"--view", "terminal"});
  REQUIRE(run.status == 0);
  CHECK(run.out.find("best") != std::string::npos);
  CHECK(run.out.find("naive Bayes") != std::string::npos);
  for (const std::vector<std::string>& options : {std::vector<std::string>{"--method", "lime"},
                                                  {"--html", "x.html"},
                                                  {"--resume"},
                                                  {"--target", "all"}})
    CHECK(folder.aggregate(options).status == 2);
}
