// The benchmark's file: its fields and how they hang together. Nothing here depends on how fast it runs.
#include <doctest/doctest.h>

#include <filesystem>
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

/// The only object in the file that bench writes for this row.
Json measured_row(const std::string& number, const std::vector<std::string>& more = {},
                  const ProcessOptions& process = {}) {
  const TemporaryFolder folder("bench");
  const std::string file = folder.file("bench.json");
  std::vector<std::string> command = {
      program_beside("bench"), "--row", number, "--seconds", "0.05", "--output", file};
  command.insert(command.end(), more.begin(), more.end());
  const Finished run = run_process(command, process);
  CAPTURE(run.err);
  REQUIRE(run.status == 0);
  const Json rows = parse_json(read_file(file), "bench.json");
  REQUIRE(rows.is_array());
  REQUIRE(rows.size() == 1);
  return rows[0];
}

std::vector<std::string> fields_of(const Json& row) {
  std::vector<std::string> fields;
  for (const auto& item : row.items()) fields.push_back(item.key());
  return fields;
}

}  // namespace

// Products alone take 2 operations for each number of a weight matrix and each row.

TEST_CASE("bench: a training row counts the products of two layers of width 128") {
  const Json row = measured_row("1");
  CHECK(fields_of(row) == std::vector<std::string>{"arch", "layers", "width", "heads", "batch", "step_ms_min",
                                                   "step_ms_median", "useful_gflop", "sgemm_gflops",
                                                   "efficiency", "core", "threads", "peak_mib"});
  CHECK(row["arch"] == "bert");
  // 20 texts of about 17 tokens. The first block's weights are 12 · 128² numbers; of the last one keys and
  // values are computed for all rows, the other 10 · 128² for a row a text. Forward and backward are three
  // products. Attention itself, the pooler and the head are the rest.
  const double all = 20 * 17, read_out = 20, weights = 128 * 128;
  const double flops = 3 * 2 * weights * (12 * all + 2 * all + 10 * read_out);
  CHECK(relative_error(row["useful_gflop"].get<double>(), flops * 1e-9) <= 0.1);
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
}

TEST_CASE("bench: a row of inference counts the products of six layers of width 768") {
  const Json row = measured_row("17");
  CHECK(fields_of(row) == std::vector<std::string>{"arch", "layers", "width", "texts", "length",
                                                   "tokens_per_s", "tokens_per_s_best", "seconds_min",
                                                   "seconds_median", "useful_gflop", "sgemm_gflops",
                                                   "efficiency", "core", "threads", "peak_mib"});
  CHECK(row["texts"] == 256);
  CHECK(row["length"] == 5);
  const double all = 256 * 5, read_out = 256, weights = 768 * 768;
  const double flops = 2 * weights * (5 * 12 * all + 2 * all + 10 * read_out);
  CHECK(relative_error(row["useful_gflop"].get<double>(), flops * 1e-9) <= 0.02);
}

TEST_CASE("bench: a peer is asked in turn with ours, and is named where it is missing") {
  const TemporaryFolder folder("bench_peer");
  const auto row = [&] {
    return measured_row("21", {"--peers", "none.onnx"}, {.environment = {"PATH=" + folder.path}});
  };
  const Json missing = row();
  CHECK(missing["peer"] == "PyTorch");
  CHECK(missing["error"].get<std::string>().find("peer.py train bert 2 128 2") != std::string::npos);
  folder.write("python3", "#!/bin/sh\nwhile read -r asked; do echo '{\"log_odds\": 1}'; done\n");
  std::filesystem::permissions(folder.file("python3"), std::filesystem::perms::owner_all);
  const Json found = row();
  CHECK_FALSE(found.contains("error"));
  CHECK(found["ratio_min"].get<double>() > 0);
  CHECK(found["ratio_min"] <= found["ratio_median"]);
  CHECK(found["ratio_median"] <= found["ratio_max"]);
}
