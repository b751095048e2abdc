#include <algorithm>

#include "../support/command_line.hpp"
#include "recovery.hpp"
#include "slalom/base/files.hpp"
#include "slalom/base/numbers.hpp"
#include "slalom/cli/cli.hpp"
#include "slalom/kernels/gemm.hpp"

namespace {

using namespace slalom;
using namespace slalom::recovery;

Size size_named(const std::string& name) {
  const Size sizes[] = {{"tiny", {8, 16}, 2000, 32, 2, 5, 4000, 1e-3},
                        {"default", {16, 32, 64, 128, 200}, 10000, 128, 4, 20, 20000, 5e-5},
                        {"paper", {16, 32, 64, 128, 200}, 10000, 768, 12, 20, 20000, 5e-5}};
  return *std::ranges::find(sizes, name, &Size::name);
}

Json settings_of(Index count, const Options& options) {
  return {{"words", count},
          {"table", options.words.empty() ? "" : fingerprint(read_file(options.words))},
          {"seed", options.seed},
          {"fitted", options.sizes.fitted}};
}

int run(int argc, char** argv) {
  const Command cli = experiment::command_line(
      "recovery", "Is a SLALOM found from its answers? (Figure 4c and d)",
      {{"words", "FILE", "", "TSV table (word p importance value), its first words are used"}});
  const auto parsed = parse_options(cli, argc, argv);
  if (!parsed) return 0;
  Options options{experiment::read_options(*parsed, "recovery")};
  options.words = (*parsed)["words"].as<std::string>();
  options.sizes = size_named(options.size);

  std::vector<Json> truths, transformers;
  for (const Index count : options.sizes.counts) {
    Json settings = settings_of(count, options);
    truths.push_back(
        experiment::finished(options, concat("truth_", count), settings,
                             [&](const experiment::Part&) { return recover_from_truth(count, options); }));
    settings.update(Json{{"layers", kLayers},
                         {"width", options.sizes.width},
                         {"heads", options.sizes.heads},
                         {"epochs", options.sizes.epochs},
                         {"epoch_texts", options.sizes.epoch_texts},
                         {"rate", options.sizes.rate}});
    transformers.push_back(experiment::finished(
        options, concat("transformer_", count), settings,
        [&](const experiment::Part& part) { return recover_from_transformer(count, options, part); }));
  }
  const bool holds = report(truths, transformers, options);
  return static_cast<int>(holds ? ExitStatus::done : ExitStatus::check_failed);
}

}  // namespace

int main(int argc, char** argv) {
  configure_runtime(argv);
  return run_program(argc, argv, run);
}
