// An experiment at its tiny size, as a program, and what every experiment leaves in its folder.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "../support/process.hpp"
#include "slalom/base/files.hpp"
#include "slalom/base/json.hpp"

namespace slalom::test {

inline Finished run_tiny(const char* program, const std::string& output,
                         const std::vector<std::string>& more = {}, const ProcessOptions& options = {}) {
  std::vector<std::string> command = {
      program_beside(program), "--size", "tiny", "--threads", "1", "--output", output};
  command.insert(command.end(), more.begin(), more.end());
  return run_process(command, options);
}

/// The same in two shards, which leave its parts between them and report nothing.
inline void run_tiny_shards(const char* program, const std::string& output,
                            const std::vector<std::string>& more = {}) {
  for (const char* shard : {"2/2", "1/2"}) {
    std::vector<std::string> options = more;
    options.insert(options.end(), {"--shard", shard});
    const Finished run = run_tiny(program, output, options);
    CAPTURE(run.err);
    REQUIRE(run.status == 0);
    CHECK(run.out.empty());
  }
}

/// results.json of an experiment that ran without complaint: every check in it holds, figure and page are
/// there, and curves.csv has so many rows below this beginning.
inline Json checked_results(const Finished& run, const std::string& folder, const std::string& csv_begins,
                            Index csv_rows) {
  CAPTURE(run.err);
  CAPTURE(run.out);
  REQUIRE(run.status == 0);
  const Json json = parse_json(read_file(folder + "/results.json"), "results.json");
  for (const Json& check : json["checks"]) CHECK(check["holds"].get<bool>());
  for (const char* file : {"figure.svg", "README.md"}) CHECK(!read_file(folder + "/" + file).empty());
  const std::string csv = read_file(folder + "/curves.csv");
  CHECK(csv.starts_with(csv_begins));
  CHECK(std::ranges::count(csv, '\n') == 1 + csv_rows);
  return json;
}

}  // namespace slalom::test
