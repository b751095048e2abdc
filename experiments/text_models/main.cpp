#include <algorithm>

#include "../support/command_line.hpp"
#include "slalom/base/files.hpp"
#include "slalom/base/numbers.hpp"
#include "slalom/cli/cli.hpp"
#include "slalom/kernels/gemm.hpp"
#include "text_models.hpp"

namespace {

using namespace slalom;
using namespace slalom::text_models;

Size size_named(const std::string& name) {
  const Size sizes[] = {{"tiny", 1500, 500, 64, 64, 4, 3, 1e-3, 0.1},
                        {"default", 5000, 2000, 512, 256, 4, 3, 2e-4, 0.3},
                        {"paper", 5000, 2000, 512, 768, 12, 6, 5e-5, 0.3}};
  return *std::ranges::find(sizes, name, &Size::name);
}

Options options_of(const ParsedOptions& parsed) {
  Options options{experiment::read_options(parsed, "text_models")};
  const auto word = [&](const char* name) { return parsed[name].as<std::string>(); };
  options.corpus = word("corpus");
  const std::vector<std::string> corpora = {"imdb", "yelp", "sst2", experiment::kBagOfImdb,
                                            experiment::kGenerated};
  if (std::ranges::find(corpora, options.corpus) == corpora.end())
    throw UsageError(concat("--corpus ", options.corpus, ", wanted ", listed(corpora)));
  options.data = experiment::data_folder(word("data"));
  options.models = experiment::text_models(word("arch"), word("layers"));
  options.sizes = size_named(options.size);
  if (parsed.count("width") > 0) {
    options.sizes.width = integer_option(parsed, "width", 8, 1 << 14);
    options.sizes.heads = std::max<Index>(1, options.sizes.width / 64);
  }
  if (parsed.count("longest") > 0) options.sizes.longest = integer_option(parsed, "longest", 8, 1 << 14);
  return options;
}

// Of all that the model learns from.
std::string fingerprint_of(const Texts& texts, const Tokenizer& tokenizer) {
  std::string sofar = std::to_string(tokenizer.vocabulary().size());
  const auto add = [&](std::span<const TokenId> ids, int label) {
    sofar = fingerprint({reinterpret_cast<const char*>(ids.data()), ids.size_bytes()}, sofar);
    sofar = fingerprint(std::to_string(label), sofar);
  };
  for (const InputRow& row : texts.rows) add(row.ids, *row.label);
  for (const PackedBatch* batch : {&texts.held_out, &texts.test})
    for (Index b = 0; b < batch->texts(); ++b)
      add(batch->text(b), batch->labels[static_cast<std::size_t>(b)]);
  return sofar;
}

// The model's record, from an earlier run if its folder still holds what that run trained.
Json trained(const experiment::TextModel& model, const Texts& texts, const Tokenizer& tokenizer,
             Options options) {
  const Size& size = options.sizes;
  const std::string folder = experiment::folder_of(model, texts.corpus, options.folder);
  const Json settings = {{"corpus", texts.corpus},  {"texts", fingerprint_of(texts, tokenizer)},
                         {"model", model.key()},    {"width", size.width},
                         {"heads", size.heads},     {"longest", size.longest},
                         {"epochs", size.epochs},   {"rate", size.rate},
                         {"dropout", size.dropout}, {"seed", options.seed}};
  const auto finished = [&] {
    return experiment::finished(options, texts.corpus + "_" + model.key(), settings,
                                [&](const experiment::Part& part) {
                                  Json record = train(model, texts, tokenizer, options, part);
                                  record["weights"] = experiment::weights_of(folder);
                                  return record;
                                });
  };
  Json record = finished();
  if (record["weights"] != experiment::weights_of(folder)) {
    options.fresh = true;  // another run has put its model in the place of this one's
    record = finished();
  }
  const Share accuracy{record["right"].get<Index>(), record["texts"].get<Index>()};
  const auto [low, high] = accuracy.interval();
  record.update({{"corpus", texts.corpus},
                 {"corpus_title", texts.title},
                 {"model", model.key()},
                 {"model_title", model.title()},
                 {"train_texts", size.train_texts},
                 {"layers", model.layers},
                 {"width", size.width},
                 {"longest", size.longest},
                 {"epochs", record["held_out_losses"].size()},
                 {"accuracy", accuracy.value()},
                 {"interval", {low, high}}});
  write_file(folder + "/" + experiment::kTrainingRecord, record.dump(1) + "\n");
  return record;
}

// expected.tsv speaks of more than one run trains.
void keep_expectations_of(const std::string& corpus, Options& options) {
  std::erase_if(options.expected, [&](const Expectation& expectation) {
    return std::ranges::none_of(options.models, [&](const experiment::TextModel& model) {
      return expectation.name.starts_with(concat(corpus, ".", model.key(), "."));
    });
  });
}

int run(int argc, char** argv) {
  const Command cli = experiment::command_line(
      "text_models", "Sentiment classifiers trained from scratch (section 6)",
      {{"corpus", "NAME", "imdb",
        "imdb, yelp, sst2, generated, or imdb_bow: texts drawn from IMDB's unigrams"},
       {"data", "DIR", "", experiment::data_folder_help("KEY_train.tsv.gz and KEY_test.tsv.gz")},
       {"arch", "A,B", "distilbert", "architectures"},
       {"layers", "A,B", "2", "depths"},
       {"width", "N", "", "D, heads of 64 (default: the size's)"},
       {"longest", "N", "", "tokens of a text (default: the size's)"}});
  const auto parsed = parse_options(cli, argc, argv);
  if (!parsed) return 0;
  Options options = options_of(*parsed);
  const std::string key = options.corpus == experiment::kBagOfImdb ? "imdb" : options.corpus;
  const experiment::TextCorpus corpus = experiment::read_corpus(key, options.data, options.sizes.train_texts,
                                                                options.sizes.test_texts, options.seed);
  const std::string name = options.corpus == experiment::kBagOfImdb ? options.corpus : corpus.key;
  keep_expectations_of(name, options);
  std::vector<Json> models, bags;
  for (const experiment::TextModel& model : options.models) {
    const Tokenizer tokenizer = experiment::make_tokenizer(
        model.architecture, corpus, options.data, experiment::folder_of(model, name, options.folder));
    const Texts texts = make_texts(corpus, tokenizer, options);
    models.push_back(trained(model, texts, tokenizer, options));
    if (bags.empty() && texts.drawn == nullptr) bags = bags_of_words(texts, tokenizer);
  }
  options.folder += "/" + name;
  return static_cast<int>(report(corpus, models, bags, options) ? ExitStatus::done
                                                                : ExitStatus::check_failed);
}

}  // namespace

int main(int argc, char** argv) {
  configure_runtime(argv);
  return run_program(argc, argv, run);
}
