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

std::vector<Depth> depths_of(const ParsedOptions& parsed) {
  const std::vector<Index> layers = read_depths(parsed["layers"].word);
  const std::string list = parsed["runs"].word;
  std::vector<std::string> runs = split_list(list);
  if (runs.size() == 1) runs.assign(layers.size(), list);
  std::vector<Depth> depths;
  for (std::size_t i = 0; i < std::min(layers.size(), runs.size()); ++i)
    depths.push_back({layers[i], parse_number<Index>(runs[i]).value_or(0)});
  if (layers.size() != runs.size() || std::ranges::min(depths, {}, &Depth::runs).runs < 1)
    throw UsageError("--runs " + list + ", wanted a number from 1, or one for each depth");
  return depths;
}

int run(const ParsedOptions& parsed) {
  who_can_add::Options options{read_options(parsed, "who_can_add", kFormat)};
  options.sizes = size_named(options.size);
  options.depths = depths_of(parsed);
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
