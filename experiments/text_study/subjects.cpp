#include <filesystem>

#include "slalom/base/files.hpp"
#include "slalom/base/numbers.hpp"
#include "slalom/model_io/tokenizer_folder.hpp"
#include "slalom/train/trainer.hpp"
#include "text_study.hpp"

namespace slalom::text_study {

using namespace experiment;

namespace {

constexpr Index kBatchRows = 4096, kHidden = 64, kBatch = 20, kEpochs = 6, kHeldOutShare = 10;

CountedTokens counted(const Tokenizer& tokenizer) {
  return {tokenizer.vocabulary().size(), special_ids_of(tokenizer)};
}

// A network of TF-IDF vectors; training ends when the loss of every tenth review stops falling.
std::unique_ptr<TfidfNetwork<float>> train_network(const std::vector<InputRow>& reviews,
                                                   const Tokenizer& tokenizer, std::uint64_t seed) {
  std::vector<InputRow> rows;
  PackedBatch held_out;
  for (std::size_t i = 0; i < reviews.size(); ++i)
    if (i % kHeldOutShare == kHeldOutShare - 1)
      held_out.add(reviews[i].ids, *reviews[i].label);
    else
      rows.push_back(reviews[i]);
  const LabelledCounts counts = count_labelled_texts(batch_of(rows), counted(tokenizer));
  auto network = std::make_unique<TfidfNetwork<float>>(counts, kHidden, seed);
  ShuffledRows data(std::move(rows), "reviews", seed);
  TrainingConfig config;
  config.optimizer = OptimizerConfig::defaults(OptimizerKind::adamw);
  config.optimizer.schedule.peak = 1e-3;
  config.batch = kBatch;
  config.epochs = kEpochs;
  config.seed = seed;
  config.held_out = &held_out;
  config.patience = 1;
  Trainer<float>(*network, data, config).run([](const EpochReport&) {});
  return network;
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
                     .tokenizer = &opened->tokenizer,
                     .longest = opened->model.model->config().max_positions,
                     .box = box_of<float>(*opened->model.model)};
  return opened;
}

Bags fit_bags(const std::vector<InputRow>& reviews, const References& references, const Opened& beside,
              const Settings& options) {
  Bags bags;
  bags.network = train_network(reviews, beside.tokenizer, options.seed);
  bags.subjects.push_back(linear_subject("naive_bayes", "naive Bayes", references.bayes, beside));
  bags.subjects.push_back(
      linear_subject("logistic_regression", "logistic regression", references.regression, beside));
  const std::span<const float> values = bags.network->parameters().values();
  bags.subjects.push_back(
      {.key = "tfidf_network",
       .title = "network on TF-IDF vectors",
       .weights = fingerprint({reinterpret_cast<const char*>(values.data()), values.size_bytes()}),
       .tokenizer = &beside.tokenizer,
       .longest = beside.subject.longest,
       .transformer = false,
       .box = box_of<float>(*bags.network)});
  return bags;
}

}  // namespace slalom::text_study
