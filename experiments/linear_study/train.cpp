#include "slalom/base/files.hpp"
#include "slalom/model_io/fully_connected_folder.hpp"
#include "slalom/model_io/model_folder.hpp"
#include "study.hpp"

namespace slalom::study {

namespace {

std::unique_ptr<TextClassifier<float>> new_model(const Plan& plan, const Options& options,
                                                 const Vocabulary& vocabulary) {
  const std::uint64_t seed = options.seed + static_cast<std::uint64_t>(plan.run);
  if (!plan.transformer) {
    FullyConnectedConfig config;
    config.width = options.sizes.width;
    config.hidden = plan.hidden;
    config.vocabulary = vocabulary.size();
    config.padding = vocabulary.find("the").value();
    return std::make_unique<FullyConnected<float>>(config, seed);
  }
  ClassifierConfig config = *plan.transformer;
  config.vocabulary = vocabulary.size();
  auto model = std::make_unique<Classifier<float>>(config);
  model->initialise(seed);
  return model;
}

std::unique_ptr<TextClassifier<double>> in_float64(const TextClassifier<float>& model, std::uint64_t seed) {
  std::unique_ptr<TextClassifier<double>> exact;
  if (const auto* transformer = dynamic_cast<const Classifier<float>*>(&model))
    exact = std::make_unique<Classifier<double>>(transformer->config());
  else
    exact = std::make_unique<FullyConnected<double>>(
        dynamic_cast<const FullyConnected<float>&>(model).config(), seed);
  for (int i = 0; i < model.parameters().count(); ++i)
    std::ranges::copy(model.parameters().value({i}).span(), exact->parameters().value({i}).data);
  return exact;
}

Index epochs_of(const Plan& plan, const Size& size) {
  if (!plan.transformer) return size.fully_connected_epochs;
  return plan.probed ? size.epochs : size.claim_epochs;
}

TrainingConfig training_config(const Plan& plan, const Options& options) {
  TrainingConfig c;
  c.epochs = epochs_of(plan, options.sizes);
  if (plan.transformer) {
    c.optimizer = OptimizerConfig::defaults(OptimizerKind::rmsprop);
    c.optimizer.schedule.peak = options.sizes.rate;
  } else {
    c.optimizer = OptimizerConfig::defaults(OptimizerKind::adamw);
    c.optimizer.weight_decay = 0;  // plain Adam
    c.optimizer.schedule.peak = 1e-3;
  }
  c.seed = options.seed + static_cast<std::uint64_t>(plan.run);
  const experiment::Part part = part_of(plan, options);
  c.settings = part.settings();
  c.checkpoint = part.checkpoint();
  c.checkpoint_every = options.sizes.epoch_texts / c.batch;
  c.resume = !options.fresh;
  c.progress = options.progress;
  return c;
}

}  // namespace

experiment::Part part_of(const Plan& plan, const Options& options) {
  Json settings;
  settings["model"] = plan.name;
  settings["seed"] = options.seed + static_cast<std::uint64_t>(plan.run);
  settings["special_tokens"] = plan.special_tokens;
  const Size& s = options.sizes;
  settings["width"] = s.width;
  settings["heads"] = s.heads;
  settings["epochs"] = epochs_of(plan, s);
  settings["epoch_texts"] = s.epoch_texts;
  settings["rate"] = plan.transformer ? s.rate : 1e-3;
  settings["claim_repeats"] = s.claim_repeats;
  return {options, concat(plan.name, "_run", plan.run), std::move(settings)};
}

std::string model_folder(const Plan& plan, const Options& options) {
  return concat(options.folder, "/models/", plan.name, "_run", plan.run);
}

Trained train(const Plan& plan, const Options& options, const SyntheticSource& source) {
  Trained trained;
  if (plan.special_tokens) trained.special = bracketed_special_tokens(source.vocabulary());
  trained.single = new_model(plan, options, source.vocabulary());
  const TrainingConfig config = training_config(plan, options);
  static_cast<experiment::Trained&>(trained) = experiment::train_on_fresh_texts(
      *trained.single, source, trained.special, options.sizes.epoch_texts, config);
  trained.exact = in_float64(*trained.single, config.seed);
  if (!options.sizes.keep_models) return trained;
  const std::string folder = model_folder(plan, options);
  if (const auto* transformer = dynamic_cast<const Classifier<float>*>(trained.single.get()))
    save_model(*transformer, folder);
  else
    save_fully_connected(dynamic_cast<const FullyConnected<float>&>(*trained.single), config.seed, folder);
  write_file(folder + "/training.json", config.settings);
  return trained;
}

}  // namespace slalom::study
