#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>

#include "slalom/base/json.hpp"
#include "slalom/base/numbers.hpp"
#include "slalom/model_io/model_folder.hpp"
#include "slalom/train/trainer.hpp"
#include "study.hpp"

namespace slalom::study {

namespace {

template <class T>
LogOdds log_odds_of(TextClassifier<T>& model, SpecialTokens special) {
  return [&model, special](const std::vector<std::vector<TokenId>>& texts) {
    PackedBatch batch;
    for (const std::vector<TokenId>& bare : texts) batch.add(wrap(bare, special), 0);
    std::vector<T> logits;
    Predictor<T>(model).logits({batch.ids, batch.begin, {}}, logits);
    std::vector<double> result;
    for (std::size_t b = 0; b < texts.size(); ++b)
      result.push_back(static_cast<double>(log_odds<T>(std::span(logits).subspan(2 * b, 2), 1)));
    return result;
  };
}

std::unique_ptr<TextClassifier<float>> new_model(const Plan& plan, const Options& options,
                                                 const Vocabulary& vocabulary) {
  const std::uint64_t seed = options.seed + static_cast<std::uint64_t>(plan.run);
  if (!plan.transformer) {
    FullyConnectedConfig config;
    config.width = options.size.width;
    config.hidden = plan.hidden;
    config.vocabulary = vocabulary.size();
    config.filler = vocabulary.find("the").value();
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
  c.epochs = epochs_of(plan, options.size);
  if (plan.transformer) {
    c.optimizer = OptimizerConfig::defaults(OptimizerKind::rmsprop);
    c.optimizer.schedule.peak = options.size.rate;
  } else {
    c.optimizer = OptimizerConfig::defaults(OptimizerKind::adamw);
    c.optimizer.weight_decay = 0;  // plain Adam
    c.optimizer.schedule.peak = 1e-3;
  }
  c.seed = options.seed + static_cast<std::uint64_t>(plan.run);
  c.settings = settings_of(plan, options);
  c.checkpoint = work_path(plan, options) + ".checkpoint.safetensors";
  c.checkpoint_every = options.size.epoch_texts / c.batch;
  c.resume = !options.fresh;
  c.progress = options.progress;
  return c;
}

}  // namespace

std::string settings_of(const Plan& plan, const Options& options) {
  Json json;
  json["version"] = SLALOM_VERSION;
  json["model"] = plan.name;
  json["seed"] = options.seed + static_cast<std::uint64_t>(plan.run);
  json["special_tokens"] = plan.special_tokens;
  const Size& s = options.size;
  json["width"] = s.width;
  json["heads"] = s.heads;
  json["epochs"] = epochs_of(plan, s);
  json["epoch_texts"] = s.epoch_texts;
  json["rate"] = plan.transformer ? s.rate : 1e-3;
  json["claim_repeats"] = s.claim_repeats;
  static const std::string program = fingerprint(read_file("/proc/self/exe"));
  json["program"] = program;
  return json.dump();
}

std::string work_path(const Plan& plan, const Options& options) {
  return text(options.folder, "/work/", plan.name, "_run", plan.run, "_",
              fingerprint(settings_of(plan, options)));
}

LogOdds Trained::exact_log_odds() const {
  return log_odds_of(*exact, special);
}
LogOdds Trained::single_log_odds() const {
  return log_odds_of(*single, special);
}

Trained train(const Plan& plan, const Options& options, const SyntheticSource& source) {
  Trained trained;
  if (plan.special_tokens) trained.special = bracketed_special_tokens(source.vocabulary());
  trained.single = new_model(plan, options, source.vocabulary());
  FreshTexts data(source, trained.special, options.size.epoch_texts);
  const TrainingConfig config = training_config(plan, options);
  make_folders(options.folder + "/work");
  Trainer<float> trainer(*trained.single, data, config);
  trainer.run([&](const EpochReport& e) { trained.seconds += e.seconds; });
  const EpochReport last = trainer.epoch_so_far();
  trained.loss = last.loss;
  trained.accuracy = last.accuracy;
  trained.exact = in_float64(*trained.single, config.seed);
  if (const auto* transformer = dynamic_cast<const Classifier<float>*>(trained.single.get());
      transformer && options.size.keep_models)
    save_model(*transformer, text(options.folder, "/models/", plan.name, "_run", plan.run));
  std::filesystem::remove(config.checkpoint);
  return trained;
}

}  // namespace slalom::study
