#include <doctest/doctest.h>

#include <cmath>

#include "../support/temporary_folder.hpp"
#include "slalom/data/batch.hpp"
#include "slalom/model_io/fully_connected_folder.hpp"
#include "slalom/model_io/model_folder.hpp"
#include "slalom/nn/predictor.hpp"
#include "slalom/text/special_tokens.hpp"
#include "tiny.hpp"

using namespace slalom;
using namespace slalom::test;

namespace {

constexpr TokenId kCls = 1, kSep = 2, kThe = 5, kPerfect = 10;

Finished run_shapley(const std::string& models, const std::string& output) {
  return run_tiny("shapley", output, {"--models", models});
}

// F([perfect]^n) − F([the]^n): what the Shapley values of the n words sum to.
double difference(TextClassifier<float>& model, const SpecialTokens& special, Index n) {
  PackedBatch batch;
  for (const TokenId word : {kPerfect, kThe})
    batch.add(wrap(std::vector<TokenId>(static_cast<std::size_t>(n), word), special), 0);
  std::vector<float> logits;
  Predictor<float>(model).logits(batch, logits);
  return static_cast<double>((logits[1] - logits[0]) - (logits[3] - logits[2]));
}

void check_sums(const Json& record, TextClassifier<float>& model, const SpecialTokens& special) {
  for (Index n = 1; n <= 10; ++n) {
    const Json& curves = record["repeated"];
    const auto at = static_cast<std::size_t>(n - 1);
    const double mean = curves["mean"][at];
    CHECK(std::abs(mean * static_cast<double>(n) - difference(model, special, n)) <= 1e-4);
    CHECK(curves["lowest"][at].get<double>() <= mean + 1e-12);
    CHECK(curves["highest"][at].get<double>() >= mean - 1e-12);
  }
}

}  // namespace

TEST_CASE("shapley: repeated words share what one has, but for the truth and nearly so for the network") {
  const TemporaryFolder study("shapley_study"), output("shapley");
  run_tiny_shards("linear_study", study.path);
  const std::string models = study.file("models");
  run_tiny_shards("shapley", output.path, {"--models", models});
  CHECK(files_in(output.file("work")).size() == 4);
  const Json json =
      checked_results(run_shapley(models, output.path), output.path,
                      "model,run,n,mean,lowest,highest,truth\ntruth,0,1,1.5,1.5,1.5,1.5\n", 5 * 10);
  REQUIRE(json["models"].size() == 5);
  for (const Json& record : json["models"]) {
    const std::string name = record["model"];
    CAPTURE(name);
    CHECK(record["values"].size() == 5 * 10);
    if (name == "truth") {
      for (const double value : record["repeated"]["mean"]) CHECK(std::abs(value - 1.5) <= 1e-12);
    } else if (name == "fully_connected_32") {
      check_sums(record, *load_fully_connected<float>(models + "/fully_connected_32_run0"), {});
    } else {
      const SpecialTokens special =
          name == "gpt2_1" ? SpecialTokens{} : SpecialTokens{.cls = kCls, .sep = kSep};
      check_sums(record, *load_model<float>(models + "/" + name + "_run0").model, special);
    }
    // 500 samples are all coalitions of up to 8 words.
    for (std::size_t n = 0; n < 8; ++n)
      CHECK(record["repeated"]["kernel_mean"][n].get<double>() ==
            doctest::Approx(record["repeated"]["mean"][n].get<double>()).epsilon(1e-6));
  }

  const std::string bytes = read_file(output.file("results.json"));
  const Finished again = run_shapley(models, output.path);
  CHECK(again.err.find("fully_connected_32_run0: done before, kept\n") != std::string::npos);
  CHECK(read_file(output.file("results.json")) == bytes);
}

TEST_CASE("shapley: a missing model is named") {
  const TemporaryFolder folder("shapley_models");
  const Finished run = run_shapley(folder.path, folder.file("out"));
  CHECK(run.status == 3);
  CHECK(run.err.starts_with("error: " + folder.path + ": found no model of one or two layers"));
}
