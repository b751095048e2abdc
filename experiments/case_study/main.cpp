#include <algorithm>

#include "../support/command_line.hpp"
#include "../support/text_models.hpp"
#include "case_study.hpp"
#include "slalom/base/numbers.hpp"
#include "slalom/cli/cli.hpp"
#include "slalom/kernels/gemm.hpp"

namespace {

using namespace slalom;
using namespace slalom::case_study;

Size size_named(const std::string& name, bool generated) {
  const Size sizes[] = {{"tiny", 5000, 1000, 128, 1, 64, 4, 3, 5e-4, 0.2},
                        {"default", 5000, 2000, 128, 2, 256, 4, 3, 2e-4, 0.3},
                        {"paper", 5000, 2000, 512, 2, 768, 12, 5, 5e-5, 0.3}};
  const Size generated_sizes[] = {{"tiny", 2000, 500, 128, 1, 32, 4, 3, 1e-3, 0.1},
                                  {"default", 5000, 2000, 128, 2, 128, 4, 3, 5e-4, 0.1},
                                  {"paper", 20000, 2000, 128, 2, 256, 4, 3, 3e-4, 0.1}};
  return *std::ranges::find(generated ? generated_sizes : sizes, name, &Size::name);
}

Options options_of(const ParsedOptions& parsed) {
  Options options{experiment::read_options(parsed, "case_study")};
  options.data = experiment::data_folder(parsed["data"].as<std::string>());
  options.sizes = size_named(options.size, options.data.empty());
  if (options.data.empty() && parsed.count("expected") == 0)
    options.expected = read_expected("experiments/case_study/expected_generated.tsv");
  return options;
}

Json settings_of(const Options& options, const Corpus& corpus, const Tokenizer& tokenizer) {
  std::string texts = std::to_string(tokenizer.vocabulary().size());
  for (const InputRow& row : corpus.train) {
    const auto bytes = std::as_bytes(std::span(row.ids));
    texts = fingerprint({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, texts);
    texts = fingerprint(std::to_string(*row.label), texts);
  }
  const Size& size = options.sizes;
  return {{"train", texts},      {"layers", size.layers},   {"width", size.width},
          {"heads", size.heads}, {"longest", size.longest}, {"epochs", size.epochs},
          {"rate", size.rate},   {"dropout", size.dropout}, {"seed", options.seed}};
}

int run(int argc, char** argv) {
  const Command cli = experiment::command_line(
      "case_study", "What a sentiment classifier has learned of single words (section 6)",
      {{"data", "DIR", "",
        experiment::data_folder_help(
            "imdb_train.tsv.gz, imdb_test.tsv.gz and, where there is one, bert-base-uncased-vocab.txt")}});
  const auto parsed = parse_options(cli, argc, argv);
  if (!parsed) return 0;
  Options options = options_of(*parsed);
  const experiment::TextCorpus texts = experiment::read_corpus(
      "imdb", options.data, options.sizes.train_texts, options.sizes.test_texts, options.seed);
  const Tokenizer tokenizer = make_tokenizer(texts, options);
  const Corpus corpus = make_corpus(texts, options, tokenizer);
  const Json settings = settings_of(options, corpus, tokenizer);
  const auto compute = [&](const experiment::Part& part) {
    Json record = train(corpus, tokenizer, options, part);
    record["weights"] = experiment::weights_of(options.model_folder());
    return record;
  };
  Json training = experiment::finished(options, "training", settings, compute);
  if (training["weights"] != experiment::weights_of(options.model_folder())) {
    // Another run has put its model in the place of this one's.
    options.fresh = true;
    training = experiment::finished(options, "training", settings, compute);
  }
  const Study study = examine(corpus, tokenizer, training, options);
  return static_cast<int>(report(study, tokenizer, options) ? ExitStatus::done : ExitStatus::check_failed);
}

}  // namespace

int main(int argc, char** argv) {
  configure_runtime(argv);
  return run_program(argc, argv, run);
}
