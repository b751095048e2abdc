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

TEST_CASE("bench: one row as JSON, with an efficiency that follows from the other numbers") {
  const TemporaryFolder folder("bench");
  const std::string file = folder.file("bench.json");
  const Finished run =
      run_process({program_beside("bench"), "--row", "1", "--seconds", "0.05", "--output", file});
  CAPTURE(run.err);
  REQUIRE(run.status == 0);
  const Json rows = parse_json(read_file(file), "bench.json");
  REQUIRE(rows.is_array());
  REQUIRE(rows.size() == 1);
  const Json& row = rows[0];
  REQUIRE(row.is_object());

  std::vector<std::string> fields;
  for (const auto& item : row.items()) {
    fields.push_back(item.key());
    CAPTURE(item.key());
    if (item.key() == "arch" || item.key() == "core") {
      REQUIRE(item.value().is_string());
      CHECK_FALSE(item.value().get<std::string>().empty());
    } else {
      REQUIRE(item.value().is_number());
      CHECK(item.value().get<double>() > 0);
    }
  }
  CHECK(fields == std::vector<std::string>{"arch", "layers", "width", "heads", "batch", "step_ms_min",
                                           "step_ms_median", "useful_gflop", "sgemm_gflops", "efficiency",
                                           "core", "threads", "peak_mib"});
  const auto number = [&](const char* field) { return require_number(row, field, "bench.json"); };
  CHECK(number("step_ms_min") <= number("step_ms_median"));
  const double rate = number("useful_gflop") / (number("step_ms_median") / 1000);
  CHECK(relative_error(number("efficiency"), rate / number("sgemm_gflops")) <= 1e-2);
}
