// Training a classifier of reviews, and asking it the test texts.
#include <cmath>

#include "slalom/base/correlation.hpp"
#include "slalom/base/files.hpp"
#include "slalom/model_io/model_folder.hpp"
#include "slalom/nn/predictor.hpp"
#include "slalom/train/trainer.hpp"
#include "text_models.hpp"

namespace slalom::text_models {

namespace {

using experiment::kPositive;

constexpr Index kBatchesOfALength = 8, kPatience = 1, kDrawnTexts = 5000, kHeldOutShare = 10;

void draw(const experiment::BagOfCorpus& source, Index first, Index count, PackedBatch& to,
          std::vector<double>* log_odds) {
  SyntheticText text;
  for (Index i = first; i < first + count; ++i) {
    source.source.get(experiment::BagOfCorpus::kFirstTestText + i, text);
    to.add(wrap(text.tokens, source.special), text.label);
    if (log_odds != nullptr) log_odds->push_back(text.log_odds);
  }
}

std::unique_ptr<TrainingData> data_of(const Texts& texts, std::uint64_t seed) {
  if (texts.drawn != nullptr)
    return std::make_unique<FreshTexts>(texts.drawn->source, texts.drawn->special, kDrawnTexts);
  return std::make_unique<ShuffledRows>(texts.rows, texts.corpus, seed,
                                        LengthBuckets{experiment::kBatch, kBatchesOfALength});
}

// How close the model comes to the log-odds of the texts' own distribution.
void compare_with_truth(Classifier<float>& model, const Texts& texts, Json& record) {
  std::vector<float> logits;
  Predictor<float>(model).logits(texts.test.packed(), logits);
  std::vector<double> found;
  found.reserve(texts.true_log_odds.size());
  Index bayes_right = 0;
  double products = 0, squares = 0;
  for (std::size_t b = 0; b < texts.true_log_odds.size(); ++b) {
    const double truth = texts.true_log_odds[b];
    found.push_back(log_odds(std::span<const float>(logits).subspan(2 * b, 2), kPositive));
    bayes_right += (truth > 0) == (texts.test.labels[b] == kPositive);
    products += truth * found.back();
    squares += truth * truth;
  }
  record["bayes_right"] = bayes_right;
  record["correlation"] = pearson(found, texts.true_log_odds);
  record["slope"] = products / squares;
}

}  // namespace

Texts make_texts(const experiment::TextCorpus& corpus, const Tokenizer& tokenizer, const Options& options) {
  const Size& size = options.sizes;
  Texts texts{.corpus = corpus.key, .title = corpus.title};
  std::vector<InputRow> train = experiment::encoded(corpus.train, tokenizer, size.longest);
  if (options.corpus == experiment::kBagOfImdb) {
    texts.corpus = experiment::kBagOfImdb;
    texts.title = experiment::drawn_from(corpus);
    texts.drawn = std::make_unique<experiment::BagOfCorpus>(train, tokenizer, size.longest, options.seed);
    const Index held_out = std::ssize(train) / kHeldOutShare;
    draw(*texts.drawn, size.test_texts, held_out, texts.held_out, nullptr);
    draw(*texts.drawn, 0, size.test_texts, texts.test, &texts.true_log_odds);
    return texts;
  }
  for (std::size_t i = 0; i < train.size(); ++i)
    if (i % kHeldOutShare == kHeldOutShare - 1)
      texts.held_out.add(train[i].ids, train[i].label.value());
    else
      texts.rows.push_back(std::move(train[i]));
  texts.test = experiment::batch_of(experiment::encoded(corpus.test, tokenizer, size.longest));
  return texts;
}

Json train(const experiment::TextModel& kind, const Texts& texts, const Tokenizer& tokenizer,
           const Options& options, const experiment::Part& part) {
  const Size& size = options.sizes;
  Classifier<float> model(experiment::config_of(
      {kind.architecture, kind.layers, size.width, size.heads, size.longest, size.dropout}, tokenizer));
  model.initialise(options.seed);
  const std::unique_ptr<TrainingData> data = data_of(texts, options.seed);
  TrainingConfig config =
      experiment::training_of(options, part, data->texts_per_epoch(), size.epochs, size.rate);
  config.held_out = &texts.held_out;
  config.patience = kPatience;
  Trainer<float> trainer(model, *data, config);
  Json record;
  double seconds = 0, rows = 0;
  trainer.run([&](const EpochReport& epoch) {
    seconds += epoch.seconds;
    rows += epoch.seconds * epoch.tokens_per_second;
  });
  record["held_out_losses"] = trainer.held_out_losses();
  record["best_epoch"] = trainer.best_epoch();
  record["seconds"] = seconds;
  record["tokens_per_second"] = seconds > 0 ? rows / seconds : 0;
  const Evaluation test = evaluate(model, texts.test);
  record["right"] = test.accuracy.right;
  record["texts"] = test.accuracy.texts;
  record["loss"] = test.loss;
  if (texts.drawn != nullptr) compare_with_truth(model, texts, record);
  save_model(model, experiment::folder_of(kind, texts.corpus, options.folder));
  return record;
}

}  // namespace slalom::text_models
