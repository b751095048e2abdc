#include <cmath>

#include "recovery.hpp"
#include "slalom/base/correlation.hpp"
#include "slalom/model_io/model_folder.hpp"
#include "slalom/surrogate/identification.hpp"
#include "slalom/surrogate/published.hpp"

namespace slalom::recovery {

using namespace experiment;

std::vector<SlalomWord> words_of(const Options& options, Index count) {
  if (options.words.empty()) return redraw_slalom_words(options.seed, count);
  std::vector<SlalomWord> words = read_slalom_words(options.words);
  if (std::ssize(words) < count)
    throw Error(concat(options.words, ": found ", words.size(), " words, wanted at least ", count));
  words.resize(static_cast<std::size_t>(count));
  return words;
}

namespace {

std::vector<double> centred(std::vector<double> x) {
  double mean = 0;
  for (const double value : x) mean += value / static_cast<double>(x.size());
  for (double& value : x) value -= mean;
  return x;
}

double root_mean_square(const std::vector<double>& x, const std::vector<double>& y) {
  double squares = 0;
  for (std::size_t i = 0; i < x.size(); ++i) squares += (x[i] - y[i]) * (x[i] - y[i]);
  return std::sqrt(squares / static_cast<double>(x.size()));
}

// A model against the truth, over the words that occur in the sample.
Json compare(const SlalomModel& model, const std::vector<SlalomWord>& truth, const Sample& sample,
             double seconds) {
  std::vector<bool> occurs(truth.size());
  for (const Sample::Token k : sample.token) occurs[static_cast<std::size_t>(k)] = true;
  std::vector<std::string> word;
  std::vector<double> value, true_value, importance, true_importance;
  for (std::size_t k = 0; k < truth.size(); ++k) {
    if (!occurs[k]) continue;
    word.push_back(truth[k].word);
    value.push_back(model.value[k]);
    importance.push_back(model.importance[k]);
    true_value.push_back(truth[k].value);
    true_importance.push_back(truth[k].importance);
  }
  importance = centred(importance);
  true_importance = centred(true_importance);
  return {{"value_rmse", root_mean_square(value, true_value)},
          {"importance_rmse", root_mean_square(importance, true_importance)},
          {"value_correlation", pearson(value, true_value)},
          {"importance_correlation", pearson(importance, true_importance)},
          {"seconds", seconds},
          {"word", word},
          {"value", value},
          {"true_value", true_value},
          {"importance", importance},
          {"true_importance", true_importance}};
}

}  // namespace

Json recover_from_truth(Index count, const Options& options) {
  const std::vector<SlalomWord> words = words_of(options, count);
  const SlalomSource source(options.seed, words);
  const std::vector<Text> texts = fresh_texts(source, options.sizes.fitted, kLongestFitted);
  std::vector<double> answers;
  answers.reserve(texts.size());
  for (const Text& text : texts) answers.push_back(source.log_odds(text));
  const Sample sample = sample_of(source, texts, answers);

  SlalomFit fit, adam;
  const double fit_seconds = seconds_of([&] { fit = fit_slalom(sample); });
  const double adam_seconds = seconds_of([&] { adam = fit_slalom_adam(sample, kPublishedTexts); });
  Identification identified;
  const TokenId first = experiment::words_of(source).front();
  const auto ask = [&](const std::vector<std::vector<Sample::Token>>& asked) {
    std::vector<double> log_odds;
    for (Text tokens : asked) {
      for (TokenId& token : tokens) token += first;
      log_odds.push_back(source.log_odds(tokens));
    }
    return log_odds;
  };
  const double identification_seconds = seconds_of([&] { identified = identify_slalom(count, ask, {}); });
  Json record = {{"words", count},
                 {"fitted", compare(fit.model, words, sample, fit_seconds)},
                 {"identified", compare(identified.model, words, identified.asked, identification_seconds)},
                 {"published", compare(adam.model, words, sample, adam_seconds)}};
  record["identified"]["queries"] = identified.asked.texts();
  return record;
}

Json recover_from_transformer(Index count, const Options& options, const Part& part) {
  const std::vector<SlalomWord> words = words_of(options, count);
  const SlalomSource source(options.seed, words);
  Classifier<float> model(default_config(Architecture::distilbert, kLayers, options.sizes.width,
                                         options.sizes.heads, source.vocabulary().size()));
  model.initialise(options.seed);
  TrainingConfig config;
  config.optimizer = OptimizerConfig::defaults(OptimizerKind::rmsprop);
  config.optimizer.schedule.peak = options.sizes.rate;
  config.epochs = options.sizes.epochs;
  config.seed = options.seed;
  config.settings = part.settings();
  config.checkpoint = part.checkpoint();
  config.checkpoint_every = options.sizes.epoch_texts / config.batch;
  config.resume = !options.fresh;
  config.progress = options.progress;
  const SpecialTokens special = special_tokens_of(Architecture::distilbert, source);
  const Trained trained = train_on_fresh_texts(model, source, special, options.sizes.epoch_texts, config);
  save_model(model, concat(options.folder, "/models/slalom_", count));

  const std::vector<Text> texts = fresh_texts(source, options.sizes.fitted, kLongestFitted);
  const Sample sample = sample_of(source, texts, log_odds_of(model, special)(texts));
  Json record = {
      {"words", count}, {"loss", trained.loss}, {"accuracy", trained.accuracy}, {"seconds", trained.seconds}};
  for (const bool background : {false, true}) {
    SlalomFit fit;
    const double seconds = seconds_of([&] { fit = fit_slalom(sample, {.background = background}); });
    Json& row = record[background ? "background" : "plain"] = compare(fit.model, words, sample, seconds);
    row["mse"] = fit.mse;
  }
  return record;
}

}  // namespace slalom::recovery
