#include "../support/command_line.hpp"
#include "slalom/cli/cli.hpp"
#include "slalom/kernels/gemm.hpp"
#include "who_can_add.hpp"

namespace {

using namespace slalom;
using namespace slalom::who_can_add;

Size size_named(const std::string& name) {
  if (name == "tiny")
    return {
        .width = 16, .heads = 2, .epochs = 2, .epoch_texts = 400, .rate = 1e-2, .fitted = 300, .scored = 100};
  return {
      .width = 64, .heads = 4, .epochs = 5, .epoch_texts = 3000, .rate = 1e-3, .fitted = 2000, .scored = 500};
}

int run(int argc, char** argv) {
  const Command cli = command_line(
      "who_can_add", "Which part of a transformer takes addition away?",
      {{"runs", "N", "1", "seeds for each cell of the grid"}, {"layers", "A,B", "1", "depths of the grid"}});
  const auto parsed = parse_options(cli, argc, argv);
  if (!parsed) return 0;
  who_can_add::Options options{read_options(*parsed, "who_can_add")};
  options.sizes = size_named(options.size);
  options.layers = read_depths((*parsed)["layers"].as<std::string>());
  options.runs = integer_option(*parsed, "runs", 1, 1000);
  const std::vector<Json> theorems = check_theorems(options), apart = take_apart(options),
                          grid = run_grid(options);
  return static_cast<int>(report(grid, theorems, apart, options) ? ExitStatus::done
                                                                 : ExitStatus::check_failed);
}

}  // namespace

int main(int argc, char** argv) {
  configure_runtime(argv);
  return run_program(argc, argv, run);
}
