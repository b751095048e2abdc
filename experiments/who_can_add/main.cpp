#include <algorithm>

#include "slalom/base/numbers.hpp"
#include "who_can_add.hpp"

namespace {

using namespace slalom;
using namespace slalom::who_can_add;

constexpr int kFormat = 1;

Size size_named(const std::string& name) {
  if (name == "tiny")
    return {
        .width = 16, .heads = 2, .epochs = 2, .epoch_texts = 400, .rate = 3e-3, .fitted = 300, .scored = 100};
  return {
      .width = 64, .heads = 4, .epochs = 5, .epoch_texts = 3000, .rate = 1e-3, .fitted = 2000, .scored = 500};
}

int run(const ParsedOptions& parsed) {
  who_can_add::Options options{read_options(parsed, "who_can_add", kFormat)};
  options.sizes = size_named(options.size);
  options.depths = read_depths(parsed["layers"].word, parsed["runs"].word);
  if (!options.recorded.is_null())
    return report(recorded_list(options, "models"), recorded_list(options, "theorems"),
                  recorded_list(options, "apart"), options);
  const std::vector<Json> theorems = check_theorems(options), apart = take_apart(options),
                          grid = run_grid(options);
  return is_shard(options) ? 0 : report(grid, theorems, apart, options);
}

}  // namespace

int main(int argc, char** argv) {
  return run_command(argc, argv,
                     study("who_can_add", "Which part of a transformer takes addition away?",
                           {{"runs", "N,M", "1", "seeds for each cell of the grid, of all depths or of each"},
                            {"layers", "A,B", "1", "depths of the grid"}},
                           run));
}
