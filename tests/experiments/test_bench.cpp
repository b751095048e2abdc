// The benchmark's file: its fields and how they hang together. Nothing here depends on how fast it runs.
#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "../support/compare.hpp"
#include "../support/process.hpp"
#include "../support/temporary_folder.hpp"
#include "slalom/base/files.hpp"
#include "slalom/base/json.hpp"

using namespace slalom;
using namespace slalom::test;

namespace {

/// The only object in the file that bench writes for this row; numbers are positive, words not empty.
Json measured_row(const std::string& number) {
  const TemporaryFolder folder("bench");
  const std::string file = folder.file("bench.json");
  const Finished run =
      run_process({program_beside("bench"), "--row", number, "--seconds", "0.05", "--output", file});
  CAPTURE(run.err);
  REQUIRE(run.status == 0);
  const Json rows = parse_json(read_file(file), "bench.json");
  REQUIRE(rows.is_array());
  REQUIRE(rows.size() == 1);
  for (const auto& item : rows[0].items()) {
    CAPTURE(item.key());
    if (item.value().is_string())
      CHECK_FALSE(item.value().get<std::string>().empty());
    else if (item.value().is_number())
      CHECK(item.value().get<double>() > 0);
  }
  return rows[0];
}

std::vector<std::string> fields_of(const Json& row) {
  std::vector<std::string> fields;
  for (const auto& item : row.items()) fields.push_back(item.key());
  return fields;
}

}  // namespace

TEST_CASE("bench: a training row as JSON, with an efficiency that follows from the other numbers") {
  const Json row = measured_row("1");
  CHECK(fields_of(row) == std::vector<std::string>{"arch", "layers", "width", "heads", "batch", "step_ms_min",
                                                   "step_ms_median", "useful_gflop", "sgemm_gflops",
                                                   "efficiency", "core", "threads", "peak_mib"});
  const auto number = [&](const char* field) { return require_number(row, field, "bench.json"); };
  CHECK(number("step_ms_min") <= number("step_ms_median"));
  const double rate = number("useful_gflop") / (number("step_ms_median") / 1000);
  CHECK(relative_error(number("efficiency"), rate / number("sgemm_gflops")) <= 1e-2);
}

TEST_CASE("bench: a row of slalom-exact asks the text and 2K + 1 short ones") {
  const Json row = measured_row("8");
  CHECK(fields_of(row) == std::vector<std::string>{"arch", "layers", "width", "method", "tokens", "fidelity",
                                                   "queries", "unique_queries", "token_forwards",
                                                   "seconds_min", "seconds_median", "queries_per_s", "core",
                                                   "threads", "peak_mib"});
  CHECK(row["method"] == "slalom-exact");
  CHECK_FALSE(row["fidelity"].get<bool>());
  // Besides, some texts of more copies where rounding could have moved an importance.
  const int asked = row["unique_queries"].get<int>();
  CHECK(asked >= 1 + 2 * 100 + 1);
  CHECK(asked <= 1 + 2 * 100 + 10);
  // The text, [CLS] [SEP], and 100 texts each of one and two tokens.
  CHECK(row["token_forwards"].get<int>() >= 102 + 2 + 100 * 3 + 100 * 4);
  CHECK(row["seconds_min"].get<double>() <= row["seconds_median"].get<double>());
  const double rate = row["queries"].get<double>() / row["seconds_median"].get<double>();
  CHECK(relative_error(row["queries_per_s"].get<double>(), rate) <= 1e-2);
}

TEST_CASE("bench: a row of inference, with rates that follow from texts, length and seconds") {
  const Json row = measured_row("17");
  CHECK(fields_of(row) == std::vector<std::string>{"arch", "layers", "width", "texts", "length",
                                                   "tokens_per_s", "tokens_per_s_best", "seconds_min",
                                                   "seconds_median", "useful_gflop", "sgemm_gflops",
                                                   "efficiency", "core", "threads", "peak_mib"});
  CHECK(row["texts"] == 256);
  CHECK(row["length"] == 5);
  const auto number = [&](const char* field) { return require_number(row, field, "bench.json"); };
  CHECK(relative_error(number("tokens_per_s"), 256 * 5 / number("seconds_median")) <= 1e-2);
  CHECK(relative_error(number("tokens_per_s_best"), 256 * 5 / number("seconds_min")) <= 1e-2);
  const double rate = number("useful_gflop") / number("seconds_median");
  CHECK(relative_error(number("efficiency"), rate / number("sgemm_gflops")) <= 1e-2);
}
