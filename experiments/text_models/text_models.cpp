// Sentiment classifiers trained from scratch on reviews (paper, section 6): what the text studies explain.
#include "../support/lstm.hpp"
#include "../support/reviews.hpp"

#include <algorithm>

#include "slalom/base/correlation.hpp"
#include "slalom/base/files.hpp"
#include "slalom/base/numbers.hpp"
#include "slalom/bow/linear_classifiers.hpp"
#include "slalom/bow/naive_bayes.hpp"
#include "slalom/model_io/model_folder.hpp"
#include "slalom/nn/predictor.hpp"
#include "slalom/train/evaluation.hpp"

namespace {

using namespace slalom;
using namespace slalom::experiment;

constexpr int kFormat = 1;  // of the records
constexpr Index kBatchesOfALength = 8, kPatience = 1, kDrawnTexts = 5000, kHeldOutShare = 10;

struct Size {
  Index train_texts, test_texts;  // at most
  Index longest;                  // tokens of a text; of a longer one the beginning is read
  Index width, heads, epochs;     // at most
  double rate, dropout;
};

struct Training : Options {
  std::string corpus;  // imdb, yelp, sst2, generated or imdb_bow
  std::string data;    // folder of the reviews; empty: generated ones
  std::vector<TextModel> models;
  Size sizes;
};

// --- texts -----------------------------------------------------------------------------------------------

// Texts as one model reads them. Of the training texts every tenth is held out: training ends when the loss
// there stops falling.
struct Texts {
  std::string corpus, title;   // key and name
  std::vector<InputRow> rows;  // reviews to train on; empty if texts are drawn
  std::unique_ptr<BagOfCorpus> drawn;
  PackedBatch held_out, test;
  std::vector<double> true_log_odds;  // of the test texts, nats; empty for reviews
};

void draw(const BagOfCorpus& bag, Index first, Index count, PackedBatch& to, std::vector<double>* log_odds) {
  SyntheticText text;
  for (Index i = first; i < first + count; ++i) {
    bag.source.get(BagOfCorpus::kFirstTestText + i, text);
    to.add(wrap(text.tokens, bag.special), text.label);
    if (log_odds != nullptr) log_odds->push_back(text.log_odds);
  }
}

Texts make_texts(const TextCorpus& corpus, const Tokenizer& tokenizer, const Training& options) {
  const Size& size = options.sizes;
  Texts texts{.corpus = corpus.key, .title = corpus.title};
  std::vector<InputRow> train = encoded(corpus.train, tokenizer, size.longest);
  if (options.corpus == kBagOfImdb) {
    texts.corpus = kBagOfImdb;
    texts.title = drawn_from(corpus);
    texts.drawn = std::make_unique<BagOfCorpus>(train, tokenizer, size.longest, options.seed);
    draw(*texts.drawn, size.test_texts, std::ssize(train) / kHeldOutShare, texts.held_out, nullptr);
    draw(*texts.drawn, 0, size.test_texts, texts.test, &texts.true_log_odds);
    return texts;
  }
  for (std::size_t i = 0; i < train.size(); ++i)
    if (i % kHeldOutShare == kHeldOutShare - 1)
      texts.held_out.add(train[i].ids, train[i].label.value());
    else
      texts.rows.push_back(std::move(train[i]));
  texts.test = batch_of(encoded(corpus.test, tokenizer, size.longest));
  return texts;
}

// --- training --------------------------------------------------------------------------------------------

std::unique_ptr<TrainingData> data_of(const Texts& texts, std::uint64_t seed) {
  if (texts.drawn != nullptr)
    return std::make_unique<FreshTexts>(texts.drawn->source, texts.drawn->special, kDrawnTexts);
  return std::make_unique<ShuffledRows>(texts.rows, texts.corpus, seed,
                                        LengthBuckets{kBatch, kBatchesOfALength});
}

// How close the model comes to the log-odds of the texts' own distribution.
Json compared_with_truth(TextClassifier<float>& model, const Texts& texts) {
  std::vector<float> logits;
  Predictor<float>(model).logits(texts.test, logits);
  std::vector<double> found;
  Index bayes_right = 0;
  double products = 0, squares = 0;
  for (std::size_t b = 0; b < texts.true_log_odds.size(); ++b) {
    const double truth = texts.true_log_odds[b];
    found.push_back(log_odds(std::span<const float>(logits).subspan(2 * b, 2), kPositive));
    bayes_right += (truth > 0) == (texts.test.labels[b] == kPositive);
    products += truth * found.back();
    squares += truth * truth;
  }
  return {{"bayes_right", bayes_right},
          {"correlation", pearson(found, texts.true_log_odds)},
          {"slope", products / squares}};
}

// Trains the model, and asks it the test texts.
Json train(TextClassifier<float>& model, const Texts& texts, const Training& options, const Part& part,
           double rate) {
  const std::unique_ptr<TrainingData> data = data_of(texts, options.seed);
  TrainingConfig config = training_of(options, part, data->texts_per_epoch(), options.sizes.epochs, rate);
  config.held_out = &texts.held_out;
  config.patience = kPatience;
  Trainer<float> trainer(model, *data, config);
  double seconds = 0, rows = 0;
  trainer.run([&](const EpochReport& epoch) {
    seconds += epoch.seconds;
    rows += epoch.seconds * epoch.tokens_per_second;
  });
  const Evaluation test = evaluate(model, texts.test);
  Json record = {{"held_out_losses", trainer.held_out_losses()},
                 {"best_epoch", trainer.best_epoch()},
                 {"seconds", seconds},
                 {"tokens_per_second", seconds > 0 ? rows / seconds : 0},
                 {"right", test.accuracy.right},
                 {"texts", test.accuracy.texts},
                 {"loss", test.loss}};
  if (texts.drawn != nullptr) record.update(compared_with_truth(model, texts));
  return record;
}

// Fingerprint of all that a model learns from.
std::string texts_and_vocabulary(const Texts& texts, const Tokenizer& tokenizer) {
  std::string all_texts = std::to_string(tokenizer.vocabulary().size());
  for (const PackedBatch& batch : {batch_of(texts.rows), texts.held_out, texts.test})
    all_texts = fingerprint_of(batch, all_texts);
  return all_texts;
}

// What a model is, beside what train() says of it; null of another shard's.
Json described(Json record, const std::string& key, const std::string& title, Index layers, Index width,
               const Texts& texts, const Size& size) {
  if (record.is_null()) return record;
  const Share accuracy{record["right"].get<Index>(), record["texts"].get<Index>()};
  const auto [low, high] = accuracy.interval();
  record.update({{"corpus", texts.corpus},
                 {"corpus_title", texts.title},
                 {"model", key},
                 {"model_title", title},
                 {"train_texts", size.train_texts},
                 {"layers", layers},
                 {"width", width},
                 {"longest", size.longest},
                 {"epochs", record["held_out_losses"].size()},
                 {"accuracy", accuracy.value()},
                 {"interval", {low, high}}});
  return record;
}

// The transformer's record, also written into its folder.
Json trained(const TextModel& kind, const Texts& texts, const Tokenizer& tokenizer, const Training& options) {
  const Size& size = options.sizes;
  const std::string folder = folder_of(kind, texts.corpus, options.folder);
  const Json settings = {{"corpus", texts.corpus},  {"texts", texts_and_vocabulary(texts, tokenizer)},
                         {"model", kind.key()},     {"width", size.width},
                         {"heads", size.heads},     {"longest", size.longest},
                         {"epochs", size.epochs},   {"rate", size.rate},
                         {"dropout", size.dropout}, {"seed", options.seed}};
  const auto compute = [&](const Part& part) {
    Classifier<float> model(config_of(
        {kind.architecture, kind.layers, size.width, size.heads, size.longest, size.dropout}, tokenizer));
    model.initialise(options.seed);
    Json record = train(model, texts, options, part, size.rate);
    save_model(model, folder);
    return record;
  };
  Json record = described(finished_model(options, texts.corpus + "_" + kind.key(), settings, folder, compute),
                          kind.key(), kind.title(), kind.layers, size.width, texts, size);
  if (record.is_null()) return record;
  record["seed"] = options.seed;
  write_file(folder + "/" + kTrainingRecord, record.dump(1) + "\n");
  return record;
}

Json trained_lstm(const Texts& texts, const Tokenizer& tokenizer, const Training& options) {
  const Json settings = {{"texts", texts_and_vocabulary(texts, tokenizer)},
                         {"model", "lstm"},
                         {"width", kLstmWidth},
                         {"epochs", options.sizes.epochs},
                         {"rate", kLstmRate},
                         {"seed", options.seed}};
  const Json record = finished(options, texts.corpus + "_lstm", settings, [&](const Part& part) {
    Lstm<float> model(tokenizer.vocabulary().size(), kLstmWidth, options.seed);
    return train(model, texts, options, part, kLstmRate);
  });
  return described(record, "lstm", "LSTM, 1 layer", 1, kLstmWidth, texts, options.sizes);
}

// --- models that read the same tokens without regard to their order --------------------------------------

Json tested(const char* name, const PackedBatch& test, const LinearBag& bag) {
  Index right = 0;
  for (Index b = 0; b < test.texts(); ++b)
    right += (bag.value(test.text(b)) > 0) == (test.labels[static_cast<std::size_t>(b)] == kPositive);
  return {{"name", name}, {"right", right}, {"texts", test.texts()}};
}

std::vector<Json> bags_of_words(const Texts& texts, const Tokenizer& tokenizer) {
  PackedBatch train = batch_of(texts.rows);
  for (Index b = 0; b < texts.held_out.texts(); ++b)
    train.add(texts.held_out.text(b), texts.held_out.labels[static_cast<std::size_t>(b)]);
  const CountedTokens tokens(tokenizer.vocabulary().size(), special_ids_of(tokenizer));
  const auto fitted = [&](LinearLoss loss) { return fit_linear_classifier(loss, train, tokens).bag; };
  return {tested("naive Bayes", texts.test, fit_naive_bayes(count_labelled_texts(train, tokens))),
          tested("logistic regression", texts.test, fitted(LinearLoss::logistic)),
          tested("linear SVM", texts.test, fitted(LinearLoss::squared_hinge))};
}

// --- report ----------------------------------------------------------------------------------------------

Share share(const Json& record, const char* field = "right") {
  return {record[field].get<Index>(), record["texts"].get<Index>()};
}

std::string accuracy_text(const Json& record) {
  const auto [low, high] = share(record).interval();
  return concat(fixed(share(record).value(), 3), " [", fixed(low, 3), ", ", fixed(high, 3), "]");
}

Table accuracies(const std::vector<Json>& models, const std::vector<Json>& bags) {
  Table table = table_of<Json>(
      models, {{"model",
                [](const Json& m) {
                  return concat(m["model_title"].get<std::string>(), ", width ", m["width"].get<Index>());
                }},
               {"accuracy [95 % interval]", accuracy_text},
               {"loss (nats)", with_decimals(field("loss"), 3)},
               {"best of epochs",
                [](const Json& m) {
                  return concat(m["best_epoch"].get<Index>(), " of ", m["held_out_losses"].size());
                }},
               {"minutes", with_decimals([](const Json& m) { return number(m["seconds"]) / 60; }, 1)},
               {"tokens/s", with_decimals(field("tokens_per_second"), 0)}});
  for (const Json& bag : bags)
    table.add_row({bag["name"].get<std::string>() + ", same tokens", accuracy_text(bag), "-", "-", "-", "-"});
  return table;
}

Table truths(const std::vector<Json>& models) {
  return table_of<Json>(models, {{"model", as_is("model_title")},
                                 {"accuracy, of the best possible",
                                  [](const Json& m) {
                                    return concat(fixed(share(m).value(), 3), " of ",
                                                  fixed(share(m, "bayes_right").value(), 3));
                                  }},
                                 {"correlation", with_decimals(field("correlation"), 3)},
                                 {"slope", with_decimals(field("slope"), 3)}});
}

Figure losses(const std::vector<Json>& models) {
  Panel panel{
      .title = "", .x_label = "epoch", .y_label = "loss of held-out texts (nats)", .curves = {}, .x_tick = 1};
  for (const Json& m : models)
    panel.curves.push_back({.label = m["model_title"],
                            .x = counts_to(std::ssize(m["held_out_losses"])),
                            .y = m["held_out_losses"],
                            .style = Curve::Style::line_points});
  return {.title = "Training ends where this stops falling", .panels = {panel}};
}

int report(const TextCorpus& corpus, const std::string& corpus_name, const std::vector<Json>& models,
           const std::vector<Json>& bags, Training options) {
  const bool drawn = bags.empty();
  options.folder += "/" + corpus_name;
  // expected.tsv speaks of more than one run trains.
  std::erase_if(options.expected, [&](const Expectation& expectation) {
    return std::ranges::none_of(models, [&](const Json& model) {
      return expectation.name.starts_with(concat(corpus_name, ".", model["model"].get<std::string>(), "."));
    });
  });
  Estimates found;
  Table curves({{"model"}, {"epoch"}, {"held_out_loss"}});
  for (const Json& m : models) {
    const std::string name = m["corpus"].get<std::string>() + "." + m["model"].get<std::string>();
    found[name + ".accuracy"] = share(m).value();
    if (drawn) found[name + ".correlation"] = number(m["correlation"]);
    Index epoch = 0;
    for (const Json& loss : m["held_out_losses"])
      curves.add_row({name, std::to_string(++epoch), shortest(number(loss))});
  }
  for (const Json& bag : bags) found[corpus.key + "." + bag["name"].get<std::string>()] = share(bag).value();
  std::vector<ReportTable> sections = {
      {concat("Sentiment classifiers trained from scratch on ", corpus.title,
              drawn ? "'s unigram distributions" : "", ": texts of at most ", options.sizes.longest,
              " tokens, every tenth training text held out."),
       accuracies(models, bags)}};
  if (drawn)
    sections.push_back(
        {"The texts' true log-odds is known: accuracy beside that of the truth's sign, correlation of the "
         "model's log-odds with the true ones, and the slope of their regression through 0.",
         truths(models)});
  return publish({.title = concat("Classifiers of ", corpus.title, ", size ", options.size),
                  .sections = sections,
                  .figure = losses(models),
                  .curves = curves,
                  .about = {{"bags", bags}, {"corpus", corpus_name}, {"corpus_title", corpus.title}},
                  .records = models,
                  .found = found},
                 options);
}

// --- program ---------------------------------------------------------------------------------------------

Training options_of(const ParsedOptions& parsed) {
  Training options{read_options(parsed, "text_models", kFormat)};
  const auto word = [&](const char* name) { return parsed[name].word; };
  options.corpus = word("corpus");
  const std::vector<std::string> corpora = {"imdb", "yelp", "sst2", kBagOfImdb, kGenerated};
  if (!std::ranges::count(corpora, options.corpus))
    throw UsageError(concat("--corpus ", options.corpus, ", wanted ", listed(corpora)));
  options.data = data_folder(word("data"));
  options.models = text_models(word("arch"), word("layers"));
  options.sizes =
      of_size<Size>(options.size, {1500, 500, 64, 64, 4, 3, 1e-3, 0.1},
                    {5000, 2000, 512, 256, 4, 3, 2e-4, 0.3}, {5000, 2000, 512, 768, 12, 6, 5e-5, 0.3});
  if (parsed.count("width") > 0) {
    options.sizes.width = integer_option(parsed, "width", 8, 1 << 14);
    options.sizes.heads = std::max<Index>(1, options.sizes.width / 64);
  }
  if (parsed.count("longest") > 0) options.sizes.longest = integer_option(parsed, "longest", 8, 1 << 14);
  return options;
}

int run(const ParsedOptions& parsed) {
  Training options = options_of(parsed);
  if (!options.recorded.is_null()) {
    const auto word = [&](const char* name) { return options.recorded.at(name).get<std::string>(); };
    options.sizes.longest = options.recorded["models"][0].at("longest").get<Index>();
    return report({.key = word("corpus"), .title = word("corpus_title")}, word("corpus"),
                  recorded_list(options, "models"), recorded_list(options, "bags"), options);
  }
  const bool drawn = options.corpus == kBagOfImdb;
  const TextCorpus corpus = read_corpus(drawn ? "imdb" : options.corpus, options.data,
                                        options.sizes.train_texts, options.sizes.test_texts, options.seed);
  const std::string name = drawn ? kBagOfImdb : corpus.key;
  std::vector<Json> models, bags;
  Json reference;
  for (const TextModel& model : options.models) {
    const Tokenizer tokenizer =
        make_tokenizer(model.architecture, corpus, options.data, folder_of(model, name, options.folder));
    const Texts texts = make_texts(corpus, tokenizer, options);
    models.push_back(trained(model, texts, tokenizer, options));
    if (models.size() > 1) continue;
    reference = trained_lstm(texts, tokenizer, options);
    if (!drawn) bags = bags_of_words(texts, tokenizer);
  }
  if (is_shard(options)) return 0;
  models.push_back(reference);
  return report(corpus, name, models, bags, options);
}

}  // namespace

int main(int argc, char** argv) {
  return run_command(argc, argv,
                     study("text_models", "Sentiment classifiers trained from scratch (section 6)",
                           {{"corpus", "NAME", "imdb",
                             "imdb, yelp, sst2, generated, or imdb_bow: texts drawn from IMDB's unigrams"},
                            {"data", "DIR", "", data_folder_help("KEY_train.tsv.gz and KEY_test.tsv.gz")},
                            {"arch", "A,B", "distilbert", "architectures"},
                            {"layers", "A,B", "2", "depths"},
                            {"width", "N", "", "D, heads of 64 (default: the size's)"},
                            {"longest", "N", "", "tokens of a text (default: the size's)"}},
                           run));
}
