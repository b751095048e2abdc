#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>

#include "../support/compare.hpp"
#include "../support/temporary_folder.hpp"
#include "tiny.hpp"

using namespace slalom;
using namespace slalom::test;

namespace {

std::vector<double> numbers(const Json& fit, const char* field) {
  return fit[field].get<std::vector<double>>();
}

// RMSE and correlation again, by the textbook formulas.
void check_fit(const Json& fit, const std::string& what) {
  const std::vector<double> x = numbers(fit, what.c_str()), y = numbers(fit, ("true_" + what).c_str());
  REQUIRE(x.size() == y.size());
  const auto n = static_cast<double>(x.size());
  double squares = 0, sx = 0, sy = 0, sxx = 0, syy = 0, sxy = 0;
  for (std::size_t k = 0; k < x.size(); ++k) {
    squares += (x[k] - y[k]) * (x[k] - y[k]);
    sx += x[k];
    sy += y[k];
    sxx += x[k] * x[k];
    syy += y[k] * y[k];
    sxy += x[k] * y[k];
  }
  CHECK(relative_error(fit[what + "_rmse"].get<double>(), std::sqrt(squares / n)) <= 1e-9);
  const double r = (n * sxy - sx * sy) / std::sqrt((n * sxx - sx * sx) * (n * syy - sy * sy));
  CHECK(std::abs(fit[what + "_correlation"].get<double>() - r) <= 1e-9);
  if (what == "importance") {
    CHECK(std::abs(sx) <= 1e-9);
    CHECK(std::abs(sy) <= 1e-9);
  }
}

}  // namespace

TEST_CASE(
    "recovery: exact from the truth, measured from transformers; a killed run goes on to the same bits") {
  const TemporaryFolder whole("recovery"), killed("killed_recovery");
  run_tiny_shards("recovery", whole.path);
  const Json json = checked_results(
      run_tiny("recovery", whole.path), whole.path,
      "words,fit,word,true_value,value,true_importance,importance\n8,fitted,word0,", (8 + 16) * 5);
  REQUIRE(json["truths"].size() == 2);
  REQUIRE(json["models"].size() == 2);
  for (std::size_t i = 0; i < 2; ++i) {
    const Json &truth = json["truths"][i], &transformer = json["models"][i];
    const Index words = i == 0 ? 8 : 16;
    CHECK(truth["words"] == words);
    CHECK(truth["identified"]["queries"] == 2 * words - 1);
    CHECK(truth["published"]["value_rmse"].get<double>() > truth["fitted"]["value_rmse"].get<double>());
    for (const char* fit : {"plain", "background"})
      for (const char* what : {"value", "importance"}) check_fit(transformer[fit], what);
    CHECK(transformer["background"]["mse"].get<double>() <= transformer["plain"]["mse"].get<double>());
    CHECK(numbers(truth["fitted"], "true_value") == numbers(transformer["plain"], "true_value"));
  }

  // Killed while the second transformer is trained.
  const auto training = [&] {
    if (!std::filesystem::exists(killed.file("work"))) return false;
    return std::ranges::any_of(files_in(killed.file("work")),
                               [](const std::string& name) { return name.starts_with("truth_16"); });
  };
  run_tiny("recovery", killed.path, {}, {.kill = {.signal = 9, .when = training, .after_ms = 50}});
  const Finished resumed = run_tiny("recovery", killed.path);
  CHECK(resumed.status == 0);
  CHECK(resumed.err.find("transformer_8: done before, kept\n") != std::string::npos);
  CHECK(read_file(killed.file("curves.csv")) == read_file(whole.file("curves.csv")));
  const char* model = "models/slalom_16/model.safetensors";
  CHECK(read_file(killed.file(model)) == read_file(whole.file(model)));

  // A program that was built anew, with other bytes, keeps all that is finished.
  const std::string rebuilt = killed.file("rebuilt");
  std::filesystem::copy_file(program_beside("recovery"), rebuilt);
  std::ofstream(rebuilt, std::ios::app) << "another build";
  const Finished kept = run_process({rebuilt, "--size", "tiny", "--threads", "1", "--output", killed.path});
  CHECK(kept.status == 0);
  for (const char* part : {"truth_8", "transformer_8", "truth_16", "transformer_16"})
    CHECK(kept.err.find(concat(part, ": done before, kept\n")) != std::string::npos);
}

TEST_CASE("recovery: a table of too few words is refused") {
  const TemporaryFolder folder("recovery_words");
  folder.write("words.tsv", "word\tp\timportance\tvalue\na\t1\t0\t1\nb\t1\t1\t-1\n");
  const Finished run = run_tiny("recovery", folder.file("out"), {"--words", folder.file("words.tsv")});
  CHECK(run.status == 3);
  CHECK(run.err.find("words.tsv: found 2 words, wanted at least 8") != std::string::npos);
}
