// Training the classifier, and asking it.
#include "../support/text_models.hpp"
#include "case_study.hpp"
#include "slalom/model_io/model_folder.hpp"
#include "slalom/train/trainer.hpp"

namespace slalom::case_study {

namespace {

constexpr Index kBatchRows = 4096, kPositive = 1;

}  // namespace

Json train(const Corpus& corpus, const Tokenizer& tokenizer, const Options& options,
           const experiment::Part& part) {
  const Size& size = options.sizes;
  Classifier<float> model(experiment::config_of(
      {Architecture::distilbert, size.layers, size.width, size.heads, size.longest, size.dropout},
      tokenizer));
  model.initialise(options.seed);
  ShuffledRows rows(corpus.train, corpus.name, options.seed);
  Trainer<float> trainer(
      model, rows, experiment::training_of(options, part, std::ssize(corpus.train), size.epochs, size.rate));
  double seconds = 0;
  trainer.run([&](const EpochReport& epoch) { seconds += epoch.seconds; });
  const EpochReport last = trainer.epoch_so_far();
  save_model(model, options.model_folder());
  return {{"loss", last.loss}, {"accuracy", last.accuracy}, {"seconds", seconds}};
}

Study examine(const Corpus& corpus, const Tokenizer& tokenizer, const Json& training,
              const Options& options) {
  const LoadedModel<float> loaded = load_model<float>(options.model_folder());
  ModelBlackBox<float> f(*loaded.model, kPositive, kBatchRows);
  Study study{.corpus = corpus.name, .training = training, .texts = std::ssize(corpus.test)};
  PackedBatch batch;
  for (const InputRow& row : corpus.test) batch.add(row.ids);
  const std::vector<double> log_odds = f.log_odds(batch);
  for (std::size_t i = 0; i < log_odds.size(); ++i)
    study.right += (log_odds[i] > 0) == (corpus.test[i].label == kPositive);

  const SpecialTokens special = bracketed_special_tokens(tokenizer.vocabulary());
  const auto is_special = [&](TokenId id) {
    return id == special.cls || id == special.sep || id == special.pad;
  };
  CorpusCounts counts(is_special, kPositive, options.sizes.longest);
  for (const InputRow& row : corpus.test) counts.add(row, row.label);
  study.card = vocabulary_card(f, counts, {.background = false, .extra_pairs = 0, .seed = options.seed});
  return study;
}

}  // namespace slalom::case_study
