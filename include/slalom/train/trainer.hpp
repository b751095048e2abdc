// Training: batches, loss, gradients, steps of the optimiser, and checkpoints from which a killed run goes on
// to the same bits.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "slalom/base/progress.hpp"
#include "slalom/nn/text_classifier.hpp"
#include "slalom/optim/optimizer.hpp"
#include "slalom/train/evaluation.hpp"
#include "slalom/train/training_data.hpp"

namespace slalom {

struct TrainingConfig {
  OptimizerConfig optimizer;
  Index batch = 20;  // texts a step
  Index epochs = 5;
  std::uint64_t seed = 0;      // of dropout
  std::string checkpoint;      // file, or empty: none is written
  Index checkpoint_every = 0;  // steps between checkpoints; one is written at the end in any case
  bool resume = false;         // go on from the checkpoint if it is there
  ProgressMode progress = ProgressMode::none;
  /// Texts that are not trained on, to be asked after each epoch; or null. They must outlive the trainer.
  /// With them the run ends early after `patience` epochs in a row (0: never) whose loss there is not the
  /// lowest so far, and the model ends with the parameters of the best epoch.
  const PackedBatch* held_out = nullptr;
  Index patience = 0;
  /// What else determines the run, as one JSON object (model, data, seed …). It is stored in the checkpoint,
  /// and a run is resumed only with the same settings.
  std::string settings = "{}";
};

/// Means over the texts of an epoch, each as seen in training (before the step that learns from it, with
/// dropout).
struct EpochReport {
  Index epoch = 0;      // from 1
  Index steps = 0;      // so far, in all epochs
  double loss = 0;      // nats
  double accuracy = 0;  // NaN of a regression
  double tokens_per_second =
      0;  // rows through the model; of this process, so not part of what resuming restores
  double seconds = 0;
  std::optional<Evaluation> held_out{};
};

template <class T>
class Trainer {
 public:
  /// Model and data must outlive the trainer. With config.resume and an existing checkpoint, values and
  /// optimiser are restored; throws Error naming the file and the setting that differs.
  Trainer(TextClassifier<T>& model, TrainingData& data, TrainingConfig config);

  Index total_steps() const;
  Index steps_done() const { return optimizer_.steps(); }
  /// All steps are done, or enough epochs in a row were none the better.
  bool finished() const;
  /// Loss of the held-out texts after each epoch, nats.
  const std::vector<double>& held_out_losses() const { return held_out_losses_; }
  /// The epoch whose parameters the model ends with, from 1; 0: none was asked yet.
  Index best_epoch() const;

  /// One step; throws Error naming the first offending activation if the loss or a gradient is not finite.
  void step();
  /// Steps until the end; calls `report` after each epoch that ends. An interrupt saves a checkpoint and
  /// throws Error with ExitStatus::interrupted.
  void run(const std::function<void(const EpochReport&)>& report);

  /// The epoch under way, or the last one at the end; `seconds` and `tokens_per_second` are run()'s to fill.
  EpochReport epoch_so_far() const;
  /// Loss of the last step, in nats.
  double last_loss() const { return last_loss_; }
  /// The tape of the last step, until the next one.
  const Tape<T>& tape() const { return tape_; }

 private:
  struct EpochSums {
    double loss = 0;
    Index texts = 0, correct = 0, tokens = 0;
  };

  Index steps_per_epoch() const;
  void learn();
  void update_lazy_rows();
  void count(Tensor<T> logits);
  void ask_held_out(EpochReport& report);
  void save_checkpoint();
  void load_checkpoint();
  void check_finite_values() const;
  [[noreturn]] static void stop_non_finite(const char* what, Index step, const std::string& activation);

  TextClassifier<T>& model_;
  TrainingData& data_;
  TrainingConfig config_;
  Optimizer<T> optimizer_;
  Tape<T> tape_;
  PackedBatch batch_;
  std::vector<Index> rows_;
  EpochSums sums_;
  std::vector<double> held_out_losses_;
  std::vector<T> best_;  // parameters after the epoch with the lowest loss
  double last_loss_ = 0;
};

}  // namespace slalom
