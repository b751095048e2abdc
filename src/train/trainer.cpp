#include "slalom/train/trainer.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "slalom/base/files.hpp"
#include "slalom/base/interrupt.hpp"
#include "slalom/base/numbers.hpp"
#include "slalom/base/random.hpp"
#include "slalom/train/loss.hpp"

namespace slalom {

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

}  // namespace

template <class T>
Trainer<T>::Trainer(TextClassifier<T>& model, TrainingData& data, TrainingConfig config)
    : model_(model),
      data_(data),
      config_(std::move(config)),
      optimizer_(config_.optimizer, model.parameters()) {
  if (config_.batch < 1) throw UsageError(concat("batch ", config_.batch, ", wanted 1 or more"));
  if (config_.epochs < 1) throw UsageError(concat("epochs ", config_.epochs, ", wanted 1 or more"));
  if (config_.checkpoint_every < 0)
    throw UsageError(concat("checkpoint every ", config_.checkpoint_every, " steps, wanted 0 or more"));
  const bool is_there = !config_.checkpoint.empty() && file_exists(config_.checkpoint);
  if (config_.resume && is_there) load_checkpoint();
}

template <class T>
Index Trainer<T>::steps_per_epoch() const {
  return ceil_div(data_.texts_per_epoch(), config_.batch);
}

template <class T>
Index Trainer<T>::total_steps() const {
  return config_.epochs * steps_per_epoch();
}

template <class T>
Index Trainer<T>::best_epoch() const {
  const auto best = std::ranges::min_element(held_out_losses_);
  return best == held_out_losses_.end() ? 0 : best - held_out_losses_.begin() + 1;
}

template <class T>
bool Trainer<T>::finished() const {
  const bool stopped =
      config_.patience > 0 && std::ssize(held_out_losses_) - best_epoch() >= config_.patience;
  return stopped || steps_done() == total_steps();
}

template <class T>
void Trainer<T>::update_lazy_rows() {
  const ParameterStore<T>& parameters = model_.parameters();
  for (int i = 0; i < parameters.count(); ++i)
    if (parameters.kind({i}) == GradientKind::row_sparse) {
      model_.rows_read(batch_, {i}, rows_);
      optimizer_.update_lazy_rows({i}, rows_);
    }
}

template <class T>
void Trainer<T>::count(Tensor<T> logits) {
  for (Index b = 0; b < batch_.texts(); ++b) {
    const std::span<const T> row(logits.row(b), static_cast<std::size_t>(logits.columns()));
    sums_.correct +=
        is_right(row, batch_.labels[static_cast<std::size_t>(b)], batch_.targets_of(b), model_.problem());
  }
  sums_.loss += last_loss_ * static_cast<double>(batch_.texts());
  sums_.texts += batch_.texts();
  sums_.tokens += batch_.rows();
}

template <class T>
void Trainer<T>::step() {
  const Index done = optimizer_.steps(), epoch = done / steps_per_epoch();
  const Index first = done % steps_per_epoch() * config_.batch;
  if (first == 0) sums_ = {};
  data_.fill(epoch, first, std::min(config_.batch, data_.texts_per_epoch() - first), batch_);
  learn();
}

template <class T>
void Trainer<T>::learn() {
  update_lazy_rows();
  tape_.reset();
  model_.parameters().clear_gradients();
  const std::uint64_t dropout_key =
      stream_key(config_.seed, Purpose::dropout, static_cast<std::uint64_t>(optimizer_.steps()));
  const Var logits = model_.forward(tape_, batch_, {.dropout_key = &dropout_key});
  const Var mean = slalom::loss(tape_, logits, batch_, model_.problem());
  last_loss_ = static_cast<double>(tape_.value(mean).data[0]);
  if (!std::isfinite(last_loss_))
    stop_non_finite("loss", optimizer_.steps() + 1, tape_.first_non_finite_value());
  tape_.backward(mean);
  model_.parameters().finish_gradients();
  count(tape_.value(logits));
  if (!optimizer_.step().finite)
    stop_non_finite("gradient", optimizer_.steps(), tape_.first_non_finite_gradient());
}

template <class T>
void Trainer<T>::stop_non_finite(const char* what, Index step, const std::string& activation) {
  throw Error(concat("[train] step ", step, ": the ", what, " is NaN or Inf; the first such activation is ",
                     activation),
              "try a lower --lr, or --clip 1");
}

// The loss and the gradients tell of every update but the last one.
template <class T>
void Trainer<T>::check_finite_values() const {
  const ParameterStore<T>& parameters = model_.parameters();
  for (int i = 0; i < parameters.count(); ++i)
    if (!std::ranges::all_of(parameters.value({i}).span(), [](T x) { return std::isfinite(x); }))
      stop_non_finite("update", optimizer_.steps(), parameters.name({i}) + " (parameter)");
}

template <class T>
EpochReport Trainer<T>::epoch_so_far() const {
  const auto texts = static_cast<double>(std::max<Index>(1, sums_.texts));
  return {.epoch = ceil_div(steps_done(), steps_per_epoch()),
          .steps = steps_done(),
          .loss = sums_.loss / texts,
          .accuracy = model_.problem() == ProblemType::regression
                          ? std::nan("")
                          : static_cast<double>(sums_.correct) / texts};
}

template <class T>
void Trainer<T>::ask_held_out(EpochReport& report) {
  if (config_.held_out == nullptr) return;
  optimizer_.refresh_all();  // rows that moved while they were away
  report.held_out = evaluate(model_, *config_.held_out);
  held_out_losses_.push_back(report.held_out->loss);
  if (best_epoch() != std::ssize(held_out_losses_)) return;
  const std::span<const T> values = model_.parameters().values();
  best_.assign(values.begin(), values.end());
}

template <class T>
void Trainer<T>::run(const std::function<void(const EpochReport&)>& report) {
  Progress progress(config_.progress, "training", total_steps(), steps_done());
  auto epoch_start = Clock::now();
  // Of an epoch that an earlier process began, but did not end.
  Index tokens_before = steps_done() % steps_per_epoch() == 0 ? 0 : sums_.tokens;
  while (!finished()) {
    step();
    EpochReport now = epoch_so_far();
    now.seconds = seconds_since(epoch_start);
    now.tokens_per_second = static_cast<double>(sums_.tokens - tokens_before) / now.seconds;
    progress.update(now.steps, concat("loss ", fixed(now.loss, 4),
                                      std::isnan(now.accuracy) ? "" : "  accuracy " + fixed(now.accuracy, 3),
                                      "  ", fixed(now.tokens_per_second, 0), " tokens/s"));
    const bool epoch_ends = now.steps % steps_per_epoch() == 0;
    if (epoch_ends) ask_held_out(now);
    const bool run_ends = finished();
    const bool stops = interrupted();  // asked once: a run never stops at a step that it has not saved
    if (run_ends || stops || (config_.checkpoint_every > 0 && now.steps % config_.checkpoint_every == 0))
      save_checkpoint();
    if (epoch_ends) {
      report(now);
      epoch_start = Clock::now();
      tokens_before = 0;
    }
    if (stops && !run_ends) check_interrupt();
  }
  check_finite_values();
  if (config_.held_out != nullptr) {
    std::ranges::copy(best_, model_.parameters().values().begin());
    return;
  }
  // Rows that AdamW or momentum moved while they were away; the checkpoint holds them as they were, with
  // their stamps.
  optimizer_.refresh_all();
}

template class Trainer<float>;
template class Trainer<double>;

}  // namespace slalom
