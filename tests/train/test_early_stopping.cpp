#include <doctest/doctest.h>

#include <algorithm>
#include <stdexcept>

#include "../support/temporary_folder.hpp"
#include "slalom/base/random.hpp"
#include "slalom/nn/classifier.hpp"
#include "slalom/train/trainer.hpp"

using namespace slalom;

namespace {

constexpr Index kVocabulary = 12, kTexts = 48;

/// Labels that no text explains: what is learned of some texts harms the others.
std::vector<InputRow> noise(std::uint64_t index) {
  Rng rng(5, Purpose::test, index);
  std::vector<InputRow> rows(kTexts);
  for (InputRow& row : rows) {
    for (std::uint32_t n = 2 + rng.below(6); n > 0; --n)
      row.ids.push_back(static_cast<TokenId>(rng.below(kVocabulary)));
    row.label = static_cast<int>(rng.below(2));
  }
  return rows;
}

PackedBatch held_out_texts() {
  PackedBatch batch;
  for (const InputRow& row : noise(1)) batch.add(row.ids, *row.label);
  return batch;
}

std::unique_ptr<Classifier<double>> new_model() {
  ClassifierConfig config = default_config(Architecture::distilbert, 1, 16, 2, kVocabulary);
  config.max_positions = 8;
  auto model = std::make_unique<Classifier<double>>(config);
  model->initialise(3);
  return model;
}

TrainingConfig config_of(OptimizerKind kind, Index epochs) {
  TrainingConfig config;
  config.optimizer = OptimizerConfig::defaults(kind);
  config.optimizer.schedule.peak = 5e-3;
  config.batch = 8;
  config.epochs = epochs;
  config.seed = 7;
  return config;
}

struct Run {
  std::vector<double> values, losses;
  Index best = 0, steps = 0;
};

Run train(const TrainingConfig& config, Index stop_in_epoch = 0) {
  const auto model = new_model();
  ShuffledRows rows(noise(0), "noise", 1);
  Trainer<double> trainer(*model, rows, config);
  trainer.run([&](const EpochReport& epoch) {
    CHECK(epoch.held_out.has_value() == (config.held_out != nullptr));
    if (epoch.epoch == stop_in_epoch) throw std::runtime_error("killed");
  });
  const std::span<const double> values = model->parameters().values();
  return {
      {values.begin(), values.end()}, trainer.held_out_losses(), trainer.best_epoch(), trainer.steps_done()};
}

}  // namespace

TEST_CASE("Trainer: a run ends when held-out texts get no better, with the parameters of the best epoch") {
  const PackedBatch held_out = held_out_texts();
  for (const OptimizerKind kind : {OptimizerKind::rmsprop, OptimizerKind::adamw}) {
    TrainingConfig config = config_of(kind, 30);
    config.held_out = &held_out;
    config.patience = 2;
    const Run run = train(config);
    REQUIRE(run.best >= 1);
    CHECK(std::ssize(run.losses) == run.best + 2);
    CHECK(run.steps == (run.best + 2) * kTexts / 8);
    CHECK(std::ranges::min(run.losses) == run.losses[static_cast<std::size_t>(run.best - 1)]);
    // The same bits as a run of so many epochs in which nobody asked.
    CHECK(run.values == train(config_of(kind, run.best)).values);
  }
}

TEST_CASE(
    "Trainer: without patience all epochs are run, and the best one's parameters are kept all the same") {
  const PackedBatch held_out = held_out_texts();
  TrainingConfig config = config_of(OptimizerKind::adamw, 12);
  config.held_out = &held_out;
  const Run run = train(config);
  CHECK(run.losses.size() == 12);
  CHECK(run.best < 12);
  CHECK(run.values == train(config_of(OptimizerKind::adamw, run.best)).values);
}

TEST_CASE("Trainer: a killed run that goes on remembers the best epoch and ends with the same bits") {
  const PackedBatch held_out = held_out_texts();
  const test::TemporaryFolder folder("early_stopping");
  TrainingConfig config = config_of(OptimizerKind::adamw, 30);
  config.held_out = &held_out;
  config.patience = 3;
  const Run whole = train(config);
  config.checkpoint = folder.file("checkpoint.safetensors");
  config.checkpoint_every = 4;
  for (Index epoch = whole.best; epoch < whole.best + 3; ++epoch) {
    CHECK_THROWS_AS(train(config, epoch), std::runtime_error);
    config.resume = true;
  }
  const Run resumed = train(config);
  CHECK(resumed.values == whole.values);
  CHECK(resumed.losses == whole.losses);
}
