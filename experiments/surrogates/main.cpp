#include "slalom/base/sha256.hpp"
#include "surrogates.hpp"

namespace {

using namespace slalom;
using namespace slalom::surrogates;

constexpr int kFormat = 1;  // of the records

int run(const ParsedOptions& parsed) {
  Options options{experiment::read_options(parsed, "surrogates", kFormat)};
  const bool tiny = options.size == "tiny";
  options.fitted = tiny ? 2000 : 10000;
  options.scored = tiny ? 300 : 500;
  options.queries = tiny ? 1000 : 5000;
  options.width = tiny ? 64 : 768;
  options.heads = tiny ? 4 : 12;

  const auto saved = experiment::find_transformers(parsed["models"].word);
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
  return report(models, compare_fits(saved, options), options);
}

}  // namespace

int main(int argc, char** argv) {
  return experiment::run_command(
      argc, argv,
      experiment::study("surrogates", "Which simple model describes a trained transformer? (Figure 4a and b)",
                        {{"models", "DIR", "out/linear_study/models", "folder of the linear study's models"}},
                        run));
}
