#include <filesystem>

#include "../support/command_line.hpp"
#include "games.hpp"
#include "slalom/base/sha256.hpp"
#include "slalom/cli/cli.hpp"
#include "slalom/kernels/gemm.hpp"
#include "slalom/model_io/fully_connected_folder.hpp"
#include "slalom/model_io/model_folder.hpp"

namespace {

using namespace slalom;
using namespace slalom::shapley;
using namespace slalom::experiment;

constexpr Index kBatchRows = 4096;

Json play_truth(const shapley::Options& options) {
  const BagOfWordsSource source(options.seed);
  FunctionBlackBox f([&](std::span<const TokenId> text) { return source.log_odds(text); });
  return play("truth", "truth", f, {}, options);
}

Json play_model(const std::string& name, const std::string& title, TextClassifier<float>& model,
                const SpecialTokens& special, const shapley::Options& options) {
  ModelBlackBox<float> f(model, 1, kBatchRows);
  return play(name, title, f, special, options);
}

// The record of a saved model of one layer, or of the fully connected one.
Json record_of(const std::string& name, const shapley::Options& options,
               const std::function<Json(const std::string& folder)>& compute) {
  const std::string folder = concat(options.models, "/", name, "_run0");
  if (!std::filesystem::is_directory(folder))
    throw Error(folder + ": found no such model", "make study trains it");
  const Json settings = {
      {"model", name},
      {"weights", sha256_of_files({folder + "/config.json", folder + "/model.safetensors"})},
      {"seed", options.seed},
      {"texts", options.texts}};
  return finished(options, name, settings, [&](const Part&) { return compute(folder); });
}

int run(int argc, char** argv) {
  const Command cli =
      command_line("shapley", "Shapley values of repeated words (appendix A)",
                   {{"models", "DIR", "out/linear_study/models", "folder of the linear study's models"}});
  const auto parsed = parse_options(cli, argc, argv);
  if (!parsed) return 0;
  shapley::Options options{read_options(*parsed, "shapley")};
  options.models = (*parsed)["models"].as<std::string>();
  const bool tiny = options.size == "tiny";
  options.texts = tiny ? 5 : 20;

  std::vector<Json> records = {play_truth(options)};
  for (const Architecture architecture : {Architecture::distilbert, Architecture::bert, Architecture::gpt2}) {
    const std::string model_name = concat(name(architecture), "_1");
    records.push_back(record_of(model_name, options, [&](const std::string& folder) {
      const SpecialTokens special = special_tokens_of(architecture, BagOfWordsSource(0));
      return play_model(model_name, title_of(architecture, 1), *load_model<float>(folder).model, special,
                        options);
    }));
  }
  const std::string network = tiny ? "fully_connected_32" : "fully_connected_200";
  records.push_back(record_of(network, options, [&](const std::string& folder) {
    return play_model(kFullyConnected, "fully connected", *load_fully_connected<float>(folder), {}, options);
  }));
  return static_cast<int>(report(records, options) ? ExitStatus::done : ExitStatus::check_failed);
}

}  // namespace

int main(int argc, char** argv) {
  configure_runtime(argv);
  return run_program(argc, argv, run);
}
