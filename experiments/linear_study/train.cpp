#include "linear_study.hpp"
#include "slalom/model_io/fully_connected_folder.hpp"
#include "slalom/model_io/model_folder.hpp"

namespace slalom::linear_study {

namespace {

std::unique_ptr<TextClassifier<float>> new_model(const Plan& plan, const Options& options,
                                                 const Vocabulary& vocabulary) {
  if (!plan.transformer) {
    FullyConnectedConfig config;
    config.width = options.sizes.width;
    config.hidden = plan.hidden;
    config.vocabulary = vocabulary.size();
    config.padding = vocabulary.find("the").value();
    return std::make_unique<FullyConnected<float>>(config, options.seed);
  }
  ClassifierConfig config = *plan.transformer;
  config.vocabulary = vocabulary.size();
  auto model = std::make_unique<Classifier<float>>(config);
  model->initialise(options.seed);
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

void save(const TextClassifier<float>& model, std::uint64_t seed, const std::string& folder) {
  if (const auto* transformer = dynamic_cast<const Classifier<float>*>(&model))
    save_model(*transformer, folder);
  else
    save_fully_connected(dynamic_cast<const FullyConnected<float>&>(model), seed, folder);
}

}  // namespace

Trained train(const Plan& plan, const Options& options, const experiment::Part& part,
              const SyntheticSource& source, const std::string& folder) {
  Trained trained;
  if (plan.special_tokens) trained.special = usual_special_tokens(source.vocabulary());
  trained.single = new_model(plan, options, source.vocabulary());
  const Size& size = options.sizes;
  TrainingConfig config = experiment::training_on_fresh_texts(options, part, plan.epochs(size),
                                                              size.epoch_texts, plan.rate(size));
  if (!plan.transformer) {
    config.optimizer = OptimizerConfig::defaults(OptimizerKind::adamw);
    config.optimizer.weight_decay = 0;  // plain Adam
    config.optimizer.schedule.peak = plan.rate(size);
  }
  trained.record =
      experiment::train_on_fresh_texts(*trained.single, source, trained.special, size.epoch_texts, config);
  trained.exact = in_float64(*trained.single, options.seed);
  if (!folder.empty()) save(*trained.single, options.seed, folder);
  return trained;
}

}  // namespace slalom::linear_study
