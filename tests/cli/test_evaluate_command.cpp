#include <doctest/doctest.h>

#include "../support/process.hpp"
#include "model_folder.hpp"

using namespace slalom;
using namespace slalom::test;

namespace {

// The log-odds is the number of 9s in the text, as a program would have it.
const std::string kCountNines =
    R"sh(while read -r l; do n=$(printf %s "$l" | grep -o '[[,]9' | wc -l); echo "{\"log_odds\": $n}"; done)sh";

Finished evaluate(std::vector<std::string> options, const std::string& input) {
  options.insert(options.begin(), {"evaluate", "--classifier-command", kCountNines, "--special-ids", "1,2"});
  return run_slalom(options, {.input = input});
}

double probability(double log_odds) {
  return 1 / (1 + std::exp(-log_odds));
}

}  // namespace

TEST_CASE("evaluate: one object a method and metric, with direction, n, mean and standard error") {
  const std::string rows =
      "{\"input_ids\":[1,9,5,2],\"scores\":[null,1,0,null]}\n{\"input_ids\":[1,6,9,9,2],\"scores\":[null,1,0,"
      "0,null]}\n";
  const Finished run = evaluate({"--methods", "leave-one-out", "--metrics",
                                 "insertion,deletion,removal-mse,removal-mse-single,removal-rank,roc-auc"},
                                rows);
  REQUIRE(run.status == 0);
  const std::vector<Json> found = json_lines(run.out);
  REQUIRE(found.size() == 6);
  const auto mean = [&](std::size_t i) { return found[i]["mean"].get<double>(); };
  CHECK(found[0]["metric"] == "insertion");
  CHECK(found[0]["direction"] == "higher is better");
  CHECK(found[0]["n"] == 2);
  // Kept best-ranked: "9", "9 5"; "9", "9 9", "6 9 9".
  const double p0 = probability(0), p1 = probability(1), p2 = probability(2);
  CHECK(std::abs(mean(0) - ((p1 + p1) / 2 + (p1 + p2 + p2) / 3) / 2) <= 1e-12);
  // Removed best-ranked: "5", ""; "6 9", "6", "".
  CHECK(std::abs(mean(1) - (p0 + (p1 + p0 + p0) / 3) / 2) <= 1e-12);
  CHECK(found[1]["direction"] == "lower is better");
  const double a = p0, b = (p1 + p0 + p0) / 3;  // standard error of two numbers: half their difference
  CHECK(std::abs(found[1]["standard_error"].get<double>() - std::abs(a - b) / 2) <= 1e-12);
  CHECK(mean(2) == 0);  // an additive classifier is predicted exactly
  CHECK(mean(3) == 0);
  CHECK(std::abs(mean(4) - 1) <= 1e-12);
  CHECK(mean(5) == 0.5);  // 1 on the first row, 0 on the second
}

TEST_CASE("evaluate: methods are ranked by the score that is named") {
  const Finished run = evaluate({"--methods", "slalom-exact:value,slalom-exact,slalom-exact:part",
                                 "--metrics", "spearman", "--background", "none"},
                                "{\"input_ids\":[1,9,5,6,2],\"scores\":[null,2,1,1,null]}\n");
  REQUIRE(run.status == 0);
  const std::vector<Json> found = json_lines(run.out);
  CHECK(found.at(0)["method"] == "slalom-exact:value");
  CHECK(std::abs(found.at(0)["mean"].get<double>() - 1) <= 1e-12);
  CHECK(found.at(1)["queries"].get<int>() > 0);
  CHECK(found.at(2)["mean"] == found.at(1)["mean"]);  // the parts rank where nothing else is named
}

TEST_CASE("evaluate: the published metrics rank by the true label and count a token once") {
  // Scores: 0 1 1 0, and 1 0.
  const std::string rows =
      "{\"input_ids\":[1,6,9,9,7,2],\"label\":1,\"scores\":[null,-3,2,-5,1,null]}\n"
      "{\"input_ids\":[1,9,5,2],\"label\":0,\"scores\":[null,1,0,null]}\n";
  const Finished run =
      evaluate({"--methods", "leave-one-out", "--metrics",
                "insertion-published,deletion-published,removal-mse-published,spearman-published,"
                "roc-auc-published"},
               rows);
  CAPTURE(run.err);
  REQUIRE(run.status == 0);
  const std::vector<Json> found = json_lines(run.out);
  REQUIRE(found.size() == 5);
  const auto mean = [&](std::size_t i) { return found[i]["mean"].get<double>(); };
  // 1 − probability of the label. Best for label 1: 9 9 6 7, worst 7 6 9 9; for label 0: 5 9, worst 9 5.
  const double p0 = probability(0), p1 = probability(1), p2 = probability(2);
  CHECK(std::abs(mean(0) - ((1 - (p1 + 3 * p2) / 4) + (p0 + p1) / 2) / 2) <= 1e-12);
  CHECK(std::abs(mean(1) - ((1 - (p0 + p0 + p1 + p2) / 4) + (p1 + p1) / 2) / 2) <= 1e-12);
  CHECK(found[0]["direction"] == "lower is better");
  CHECK(found[1]["direction"] == "higher is better");
  CHECK(mean(2) == 0);
  // Distinct tokens 6 9 7: scores 0 1 0 against −3 2 1, ranks 1.5 3 1.5 and 1 3 2: √3 / 2. Second row: 1.
  CHECK(std::abs(mean(3) - (std::sqrt(3.0) / 2 + 1) / 2) <= 1e-12);
  // 9 and 7 are marked, 6 is not: 9 above 6, 7 equal to it. Second row: 1.
  CHECK(std::abs(mean(4) - (0.75 + 1) / 2) <= 1e-12);
}

TEST_CASE("evaluate: bad names, no rows, no given scores") {
  const std::string row = "{\"input_ids\":[1,9,5,2]}\n";
  CHECK(evaluate({"--methods", "no"}, row).status == 2);
  CHECK(evaluate({"--metrics", "no"}, row).status == 2);
  CHECK(evaluate({"--methods", ","}, row).status == 2);
  CHECK(lines_of(evaluate({"--methods", "slalom-exact", "--flip"}, row).err).at(0) ==
        "error: --flip has no effect in evaluate: no metric is of flips");
  CHECK(evaluate({"--methods", "leave-one-out:value"}, row).status == 2);
  CHECK(evaluate({"--methods", "slalom-exact:weight", "--background", "none"}, row).status == 2);
  CHECK(lines_of(evaluate({"--methods", "leave-one-out"}, "").err).at(0) ==
        "error: stdin: found no rows to evaluate");
  const Finished none = evaluate({"--methods", "leave-one-out", "--metrics", "kendall"}, row);
  CHECK(none.status == 4);
  CHECK(lines_of(none.err).at(0) == "error: stdin: line 1: [kendall] the row gives no scores to agree with");
  CHECK(json_lines(none.out).at(0)["n"] == 0);
  const Finished unlabelled =
      evaluate({"--methods", "leave-one-out", "--metrics", "insertion-published"}, row);
  CHECK(unlabelled.status == 4);
  CHECK(lines_of(unlabelled.err).at(0) ==
        "error: stdin: line 1: [insertion-published] the row gives no true label");
}

TEST_CASE("evaluate: what one method or metric cannot do with a text, the others do") {
  std::string twenty_one = "1";  // too many to enumerate their coalitions
  for (int i = 0; i < 21; ++i) twenty_one += ",9";
  const Finished run = evaluate(
      {"--methods", "shapley-exact,leave-one-out", "--metrics", "kendall,deletion"},
      "{\"input_ids\":[" + twenty_one + ",2]}\n[]\n{\"input_ids\":[1,9,5,2],\"scores\":[null,1,0,null]}\n");
  CHECK(run.status == 4);
  CHECK(run.err.find("line 2") != std::string::npos);
  const std::vector<Json> found = json_lines(run.out);
  REQUIRE(found.size() == 4);
  for (const auto& [at, n] : {std::pair{0, 1}, {1, 1}, {2, 1}, {3, 2}})
    CHECK(found[static_cast<std::size_t>(at)]["n"] == n);
}
