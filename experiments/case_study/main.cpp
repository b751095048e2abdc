// Reading the reviews, training the classifier, and asking it.
#include "case_study.hpp"
#include "slalom/base/files.hpp"
#include "slalom/data/generated_reviews.hpp"
#include "slalom/model_io/model_folder.hpp"
#include "slalom/model_io/tokenizer_folder.hpp"

namespace {

using namespace slalom;
using namespace slalom::case_study;
using namespace slalom::experiment;

constexpr int kFormat = 1;  // of the records
constexpr Index kBatchRows = 4096;

struct Size {
  Index train_texts, test_texts;  // at most
  Index longest;                  // tokens of a text; of a longer one its first and its last half are read
  Index layers, width, heads, epochs;
  double rate, dropout;
};

Size size_named(const std::string& name, bool generated) {
  if (generated)
    return of_size<Size>(name, {2000, 500, 128, 1, 32, 4, 3, 1e-3, 0.1},
                         {5000, 2000, 128, 2, 128, 4, 3, 5e-4, 0.1},
                         {20000, 2000, 128, 2, 256, 4, 3, 3e-4, 0.1});
  return of_size<Size>(name, {5000, 1000, 128, 1, 64, 4, 3, 5e-4, 0.2},
                       {5000, 2000, 128, 2, 256, 4, 3, 2e-4, 0.3},
                       {5000, 2000, 512, 2, 768, 12, 5, 5e-5, 0.3});
}

// BERT's vocabulary of the data folder, or one that is trained on the training reviews; of generated reviews
// all words.
Tokenizer tokenizer_of(const TextCorpus& corpus, const std::string& data, const std::string& folder) {
  if (!corpus.generated) return make_tokenizer(Architecture::distilbert, corpus, data, folder);
  std::string lines = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n";
  for (const std::string& word : generated_words()) lines += word + "\n";
  make_folders(folder);
  write_file(folder + "/vocab.txt", lines);
  return load_tokenizer(folder).value();
}

// Of a long review its first and its last half: the verdict is often at the end.
void shorten(std::vector<TokenId>& ids, Index longest) {
  const Index surplus = std::ssize(ids) - longest, first = (longest + 1) / 2;
  if (surplus > 0) ids.erase(ids.begin() + first, ids.begin() + first + surplus);
}

std::vector<InputRow> rows_of(const std::vector<Review>& reviews, const Tokenizer& tokenizer, Index longest) {
  std::vector<InputRow> rows = encoded(reviews, tokenizer, std::numeric_limits<Index>::max());
  for (InputRow& row : rows) {
    shorten(row.ids, longest);
    row.types.clear();
    row.places.clear();
  }
  return rows;
}

// Trains a classifier and writes it into the folder.
Json train(const std::vector<InputRow>& texts, const Tokenizer& tokenizer, const Size& size,
           const Options& options, const Part& part, const std::string& folder) {
  Classifier<float> model(
      config_of({Architecture::distilbert, size.layers, size.width, size.heads, size.longest, size.dropout},
                tokenizer));
  model.initialise(options.seed);
  ShuffledRows rows(texts, "reviews", options.seed);
  Trainer<float> trainer(model, rows, training_of(options, part, std::ssize(texts), size.epochs, size.rate));
  double seconds = 0;
  trainer.run([&](const EpochReport& epoch) { seconds += epoch.seconds; });
  const EpochReport last = trainer.epoch_so_far();
  save_model(model, folder);
  return {{"loss", last.loss}, {"accuracy", last.accuracy}, {"seconds", seconds}};
}

Study examine(const std::vector<InputRow>& texts, const Tokenizer& tokenizer, Index longest,
              const Options& options, const std::string& folder) {
  const LoadedModel<float> loaded = load_model<float>(folder);
  ModelBlackBox<float> f(*loaded.model, kPositive, kBatchRows);
  Study study{.texts = std::ssize(texts)};
  const std::vector<double> log_odds = f.log_odds(batch_of(texts));
  CorpusCounts counts(special_ids_of(tokenizer), kPositive, longest);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    study.right += (log_odds[i] > 0) == (texts[i].label == kPositive);
    counts.add(texts[i], texts[i].label);
  }
  study.card = global_importance(f, counts, {.background = false, .extra_pairs = 0, .seed = options.seed});
  return study;
}

int run(const ParsedOptions& parsed) {
  Options options = read_options(parsed, "case_study", kFormat);
  const std::string data = data_folder(parsed["data"].word), folder = options.folder + "/model";
  if (data.empty() && parsed.count("expected") == 0)
    options.expected = read_expected("experiments/case_study/expected_generated.tsv");
  const Size size = size_named(options.size, data.empty());
  const TextCorpus corpus = read_corpus("imdb", data, size.train_texts, size.test_texts, options.seed);
  const Tokenizer tokenizer = tokenizer_of(corpus, data, folder);
  const std::vector<InputRow> texts = rows_of(corpus.train, tokenizer, size.longest);
  const Json settings = {
      {"train", fingerprint_of(batch_of(texts), std::to_string(tokenizer.vocabulary().size()))},
      {"layers", size.layers},
      {"width", size.width},
      {"heads", size.heads},
      {"longest", size.longest},
      {"epochs", size.epochs},
      {"rate", size.rate},
      {"dropout", size.dropout},
      {"seed", options.seed}};
  const Json training = finished_model(options, "training", settings, folder, [&](const Part& part) {
    return train(texts, tokenizer, size, options, part, folder);
  });
  Study study =
      examine(rows_of(corpus.test, tokenizer, size.longest), tokenizer, size.longest, options, folder);
  study.corpus = corpus.title;
  study.training = training;
  return report(study, tokenizer, options);
}

}  // namespace

int main(int argc, char** argv) {
  return run_command(
      argc, argv,
      study(
          "case_study", "What a sentiment classifier has learned of single words (section 6)",
          {{"data", "DIR", "",
            data_folder_help(
                "imdb_train.tsv.gz, imdb_test.tsv.gz and, where there is one, bert-base-uncased-vocab.txt")}},
          run));
}
