// libFuzzer: whatever a checkpoint holds, a trainer that resumes from it throws Error or trains on to the
// end.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "memory_file.hpp"
#include "slalom/base/error.hpp"
#include "slalom/nn/classifier.hpp"
#include "slalom/train/trainer.hpp"

namespace {

using namespace slalom;

std::vector<InputRow> rows() {
  std::vector<InputRow> list(4);
  for (std::size_t i = 0; i < list.size(); ++i) {
    list[i].ids = {static_cast<TokenId>(i), 1};
    list[i].label = static_cast<int>(i % 2);
  }
  return list;
}

void resume(const std::string& checkpoint, bool held_out) {
  ClassifierConfig config = default_config(Architecture::distilbert, 1, 2, 1, 4);
  config.max_positions = 4;
  config.feed_forward = 2;
  Classifier<float> model(config);
  model.initialise(1);
  ShuffledRows data(rows(), "rows", 1);
  PackedBatch asked;
  asked.add(std::vector<TokenId>{2, 3}, 1);
  TrainingConfig training{.batch = 2, .epochs = 2, .resume = true};
  training.checkpoint = checkpoint;
  training.optimizer = OptimizerConfig::defaults(OptimizerKind::adamw);
  if (held_out) training.held_out = &asked;
  Trainer<float> trainer(model, data, training);
  while (!trainer.finished()) trainer.step();
  if (trainer.steps_done() > trainer.total_steps() || !(trainer.epoch_so_far().accuracy <= 1)) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const std::string path = test::memory_file(bytes, size);
  for (const bool held_out : {false, true}) try {
      resume(path, held_out);
    } catch (const Error&) {
    }
  return 0;
}
