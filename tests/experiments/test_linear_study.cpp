#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "../support/compare.hpp"
#include "../support/process.hpp"
#include "../support/temporary_folder.hpp"
#include "slalom/base/files.hpp"
#include "slalom/base/json.hpp"

using namespace slalom;
using namespace slalom::test;

namespace {

Finished run_study(const std::string& folder, const ProcessOptions& options = {},
                   const std::vector<std::string>& more = {}) {
  std::vector<std::string> command = {
      program_beside("linear_study"), "--size", "tiny", "--threads", "2", "--output", folder};
  command.insert(command.end(), more.begin(), more.end());
  return run_process(command, options);
}

Json results(const std::string& folder) {
  return parse_json(read_file(folder + "/results.json"), "results.json");
}

}  // namespace

TEST_CASE("the tiny linear study: transformers are flat, the claims are exact, a killed study goes on") {
  const TemporaryFolder whole("study"), killed("killed_study");
  const Finished run = run_study(whole.path);
  CAPTURE(run.err);
  CAPTURE(run.out);
  REQUIRE(run.status == 0);

  const Json json = results(whole.path);
  REQUIRE(json["models"].size() == 7);
  for (const Json& check : json["checks"]) CHECK(check["holds"].get<bool>());
  for (const Json& model : json["models"]) {
    if (!model.contains("log_odds_perfect")) continue;
    const auto curve = model["log_odds_perfect"].get<std::vector<double>>();
    REQUIRE(curve.size() == 30);
    // The slope again, by the textbook formula over n = 1 … 20: mean of n is 10.5, Σ (n − 10.5)² = 665.
    double slope = 0;
    for (int n = 1; n <= 20; ++n) slope += (n - 10.5) * curve[static_cast<std::size_t>(n - 1)] / 665;
    CHECK(std::abs(slope - model["slope_1_20"].get<double>()) <= 1e-12);
  }
  for (const char* file : {"curves.csv", "figure.svg", "README.md"})
    CHECK(!read_file(whole.path + "/" + file).empty());
  for (const char* name : {"distilbert_1", "bert_1", "gpt2_1"})
    CHECK(run_slalom({"verify", whole.path + "/models/" + name + "_run0/proof.json"}).status == 0);
  const std::string csv = read_file(whole.path + "/curves.csv");
  CHECK(std::ranges::count(csv, '\n') == 1 + 4 * 30);
  CHECK(csv.starts_with("model,run,n,log_odds,truth\ndistilbert_1,0,1,"));

  // With another run expectations speak of the mean over both, or of the worse of them.
  run_study(whole.path, {}, {"--runs", "2"});
  const Json both = results(whole.path);
  REQUIRE(both["models"].size() == 11);
  const auto values_of = [&](const std::string& name, const auto& value) {
    std::vector<double> values;
    for (const Json& model : both["models"])
      if (model["model"] == name) values.push_back(value(model));
    REQUIRE(values.size() == 2);
    return values;
  };
  const auto rise = values_of("gpt2_1", [](const Json& model) {
    const Json& curve = model["log_odds_perfect"];
    return curve.back().get<double>() - curve.front().get<double>();
  });
  const auto proof = values_of("gpt2_1", [](const Json& model) { return model["bound"].get<double>(); });
  const auto slope =
      values_of("fully_connected_32", [](const Json& model) { return model["slope_2_15"].get<double>(); });
  const auto found = [&](const std::string& name) -> double { return both["estimates"].at(name)[0]; };
  CHECK(found("gpt2_1.rise_1_to_30.highest") == std::max(rise[0], rise[1]));
  CHECK(found("gpt2_1.bound.lowest") == std::min(proof[0], proof[1]));
  CHECK(relative_error(found("fully_connected_32.slope_2_15"), (slope[0] + slope[1]) / 2) <= 1e-15);
  // Student's t of one degree of freedom is 12.7062; the standard error of two numbers is half their
  // distance.
  const auto steep = values_of("gpt2_1", [](const Json& model) { return model["slope_2_15"].get<double>(); });
  const double first = steep[0] - slope[0], second = steep[1] - slope[1];
  const Json& beside = both["estimates"]["gpt2_1.slope_minus_network"];
  CHECK(relative_error(beside[0].get<double>(), (first + second) / 2) <= 1e-12);
  CHECK(relative_error(beside[2].get<double>(),
                       (first + second) / 2 + 12.706205 * std::abs(first - second) / 2) <= 1e-12);
  // Of a single run the number is all there is.
  CHECK(json["estimates"]["gpt2_1.perfect_1"][1] == json["estimates"]["gpt2_1.perfect_1"][2]);

  // Killed in the middle of the second model, and run again.
  const auto first_is_done = [&] {
    if (!std::filesystem::exists(killed.file("work"))) return false;
    return std::ranges::any_of(files_in(killed.file("work")),
                               [](const std::string& name) { return name.ends_with(".json"); });
  };
  run_study(killed.path, {.kill = {.signal = 9, .when = first_is_done, .after_ms = 50}});
  const Finished resumed = run_study(killed.path);
  CHECK(resumed.status == 0);
  CHECK(resumed.err.find("distilbert_1_run0: done before, kept") != std::string::npos);
  CHECK(read_file(killed.path + "/curves.csv") == csv);
  CHECK(read_file(killed.path + "/models/bert_1_run0/model.safetensors") ==
        read_file(whole.path + "/models/bert_1_run0/model.safetensors"));
}

TEST_CASE("the linear study refuses what it does not know") {
  const Finished size = run_process({program_beside("linear_study"), "--size", "huge"});
  CHECK(size.status == 2);
  CHECK(size.err.starts_with("error: --size huge, wanted tiny, default or paper"));
  CHECK(run_process({program_beside("linear_study"), "--runs", "0"}).status == 2);
}
