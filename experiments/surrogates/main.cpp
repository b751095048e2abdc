#include "../support/command_line.hpp"
#include "slalom/base/sha256.hpp"
#include "slalom/cli/cli.hpp"
#include "slalom/kernels/gemm.hpp"
#include "surrogates.hpp"

namespace {

using namespace slalom;
using namespace slalom::surrogates;

void set_sizes(Options& options) {
  const bool tiny = options.size == "tiny";
  options.fitted = tiny ? 2000 : 10000;
  options.scored = tiny ? 300 : 500;
  options.queries = tiny ? 1000 : 5000;
  options.width = tiny ? 64 : 768;
  options.heads = tiny ? 4 : 12;
}

int run(int argc, char** argv) {
  const Command cli = experiment::command_line(
      "surrogates", "Which simple model describes a trained transformer? (Figure 4a and b)",
      {{"models", "DIR", "out/linear_study/models", "folder of the linear study's models"}});
  const auto parsed = parse_options(cli, argc, argv);
  if (!parsed) return 0;
  Options options{experiment::read_options(*parsed, "surrogates")};
  options.models = (*parsed)["models"].as<std::string>();
  set_sizes(options);

  const std::vector<experiment::SavedTransformer> saved = experiment::find_transformers(options.models);
  std::vector<Json> models;
  for (const experiment::SavedTransformer& model : saved) {
    const Json settings = {{"model", model.name},
                           {"run", model.run},
                           {"weights", sha256_of_files({model.folder + "/model.safetensors"})},
                           {"seed", options.seed},
                           {"fitted", options.fitted},
                           {"scored", options.scored}};
    models.push_back(experiment::finished(options, concat(model.name, "_run", model.run), settings,
                                          [&](const experiment::Part&) { return examine(model, options); }));
  }
  const bool holds = report(models, compare_fits(saved, options), options);
  return static_cast<int>(holds ? ExitStatus::done : ExitStatus::check_failed);
}

}  // namespace

int main(int argc, char** argv) {
  configure_runtime(argv);
  return run_program(argc, argv, run);
}
