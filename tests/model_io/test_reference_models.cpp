// Models trained by the Hugging Face library with their own answers to 10,500 texts, where they are at hand.
#include <doctest/doctest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>

#include "slalom/data/batch.hpp"
#include "slalom/data/rows.hpp"
#include "slalom/model_io/model_folder.hpp"
#include "slalom/nn/predictor.hpp"

using namespace slalom;

namespace {

std::string reference_folder() {
  const char* folder = std::getenv("SLALOM_SHARED");
  return folder != nullptr ? folder : "../shared";
}

}  // namespace

TEST_CASE("trained Hugging Face models give the log-odds that they gave there") {
  for (const char* name : {"hf_distilbert_1", "hf_gpt2_2"}) {
    const std::string folder = reference_folder() + "/models/" + name;
    if (!std::filesystem::exists(folder)) {
      MESSAGE("skipped: no " << folder);
      continue;
    }
    const LoadedModel<float> loaded = load_model<float>(folder);
    RowReader reader(folder + "/texts.jsonl.gz", {.vocabulary = loaded.model->config().vocabulary});
    PackedBatch batch;
    std::vector<double> wanted;
    for (InputRow row; reader.next(row);) {
      batch.add(row.ids, 0);
      wanted.push_back(row.log_odds.value());
    }
    std::vector<float> logits;
    Predictor<float>(*loaded.model).logits(batch, logits);
    double worst = 0;
    for (std::size_t i = 0; i < wanted.size(); ++i)
      worst = std::max(worst, std::abs(static_cast<double>(logits[2 * i + 1]) -
                                       static_cast<double>(logits[2 * i]) - wanted[i]));
    CAPTURE(name);
    CHECK(wanted.size() == 10500);
    CHECK(worst <= 2e-5);  // five decimals are stored, and float32 rounds
  }
}
