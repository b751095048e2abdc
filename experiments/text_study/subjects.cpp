#include <filesystem>

#include "slalom/base/files.hpp"
#include "slalom/base/numbers.hpp"
#include "slalom/model_io/tokenizer_folder.hpp"
#include "slalom/train/trainer.hpp"
#include "text_study.hpp"

namespace slalom::text_study {

using namespace experiment;

namespace {

constexpr double kNetworkRate = 1e-3;
constexpr Index kBatchRows = 4096, kHidden = 64, kBatch = 20, kEpochs = 6, kHeldOutShare = 10;

CountedTokens counted(const Tokenizer& tokenizer) {
  return {tokenizer.vocabulary().size(), special_ids_of(tokenizer)};
}

struct Split {
  std::vector<InputRow> rows;
  PackedBatch held_out;  // every tenth review
};

Split split(const std::vector<InputRow>& reviews) {
  Split parts;
  for (std::size_t i = 0; i < reviews.size(); ++i)
    if (i % kHeldOutShare == kHeldOutShare - 1)
      parts.held_out.add(reviews[i].ids, *reviews[i].label);
    else
      parts.rows.push_back(reviews[i]);
  return parts;
}

// Ends when the loss of the held-out reviews stops falling.
void train(TextClassifier<float>& model, const Split& reviews, double rate, std::uint64_t seed) {
  ShuffledRows data(reviews.rows, "reviews", seed);
  TrainingConfig config;
  config.optimizer = OptimizerConfig::defaults(OptimizerKind::adamw);
  config.optimizer.schedule.peak = rate;
  config.batch = kBatch;
  config.epochs = kEpochs;
  config.seed = seed;
  config.held_out = &reviews.held_out;
  config.patience = 1;
  Trainer<float>(model, data, config).run([](const EpochReport&) {});
}

std::string identity_of(const LinearBag& bag) {
  const std::span<const double> weights = bag.weight;
  return fingerprint({reinterpret_cast<const char*>(weights.data()), weights.size_bytes()},
                     shortest(bag.intercept));
}

Subject linear_subject(const std::string& key, const std::string& title, const LinearBag& bag,
                       const Opened& beside) {
  return {.key = key,
          .title = title,
          .weights = identity_of(bag),
          .tokenizer = &beside.tokenizer,
          .longest = beside.subject.longest,
          .transformer = false,
          .box = [&bag](Index target) -> std::unique_ptr<BlackBox> {
            const double sign = target == kPositive ? 1 : -1;
            return std::make_unique<FunctionBlackBox>(
                [&bag, sign](std::span<const TokenId> text) { return sign * bag.value(text); });
          }};
}

template <class T>
std::function<std::unique_ptr<BlackBox>(Index)> box_of(TextClassifier<T>& model) {
  return [&model](Index target) { return std::make_unique<ModelBlackBox<T>>(model, target, kBatchRows); };
}

Subject network_subject(const std::string& key, const std::string& title, TextClassifier<float>& model,
                        const Opened& beside) {
  const std::span<const float> values = model.parameters().values();
  return {.key = key,
          .title = title,
          .weights = fingerprint({reinterpret_cast<const char*>(values.data()), values.size_bytes()}),
          .tokenizer = &beside.tokenizer,
          .longest = beside.subject.longest,
          .transformer = false,
          .box = box_of<float>(model)};
}

}  // namespace

References::References(std::span<const Review> reviews, const PackedBatch& tokens, const Tokenizer& tokenizer)
    : counts(count_labelled_texts(tokens, counted(tokenizer))),
      bayes(fit_naive_bayes(counts)),
      regression(fit_linear_classifier(LinearLoss::logistic, tokens, counts.tokens).bag),
      svm(fit_linear_classifier(LinearLoss::squared_hinge, tokens, counts.tokens).bag),
      bayes_scores(naive_bayes_scores(counts)),
      published_bayes(published::naive_bayes_scores(reviews, tokenizer)),
      identity(identity_of(regression)) {}

std::unique_ptr<Opened> open_transformer(const TextModel& kind, const std::string& corpus,
                                         const Settings& options) {
  const std::string folder = folder_of(kind, corpus, options.models);
  const std::string weights = weights_of(folder);
  if (weights.empty())
    throw Error(folder + ": found no model", "make imdb and make yelp train them, as the tables' targets do");
  const std::string record = folder + "/" + kTrainingRecord;
  const Index train_texts =
      require_integer(read_json(record), "train_texts", record, 1, std::numeric_limits<std::int32_t>::max());
  auto opened = std::make_unique<Opened>(
      Opened{train_texts, load_tokenizer(folder).value(), load_model<float>(folder), {}});
  opened->subject = {.key = kind.key(),
                     .title = kind.title(),
                     .weights = weights,
                     .seed = optional_integer(read_json(record), "seed", record, 0, 0, Index{1} << 53),
                     .tokenizer = &opened->tokenizer,
                     .longest = opened->model.model->config().max_positions,
                     .box = box_of<float>(*opened->model.model)};
  return opened;
}

Others fit_others(const std::vector<InputRow>& reviews, const References& references, const Opened& beside,
                  const Settings& options) {
  Others others;
  const Split parts = split(reviews);
  others.network = std::make_unique<TfidfNetwork<float>>(
      count_labelled_texts(batch_of(parts.rows), counted(beside.tokenizer)), kHidden, options.seed);
  train(*others.network, parts, kNetworkRate, options.seed);
  others.lstm = std::make_unique<Lstm<float>>(beside.tokenizer.vocabulary().size(), kLstmWidth, options.seed);
  train(*others.lstm, parts, kLstmRate, options.seed);
  others.subjects = {
      linear_subject("naive_bayes", "naive Bayes", references.bayes, beside),
      linear_subject("logistic_regression", "logistic regression", references.regression, beside),
      network_subject("tfidf_network", "network on TF-IDF vectors", *others.network, beside),
      network_subject("lstm", "LSTM", *others.lstm, beside)};
  return others;
}

}  // namespace slalom::text_study
