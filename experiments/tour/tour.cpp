// A guided tour of one training step: every number is computed by the framework, and every identity that is
// claimed is checked; the exit status is 1 if one does not hold.
#include <iostream>
#include <optional>

#include "sections.hpp"
#include "slalom/base/error.hpp"
#include "slalom/cli/cli.hpp"
#include "slalom/cli/options.hpp"
#include "slalom/kernels/gemm.hpp"

namespace {

using namespace slalom;

/// nullopt after --help.
std::optional<std::uint64_t> read_seed(int argc, char** argv) {
  const Command cli{.name = "tour",
                    .summary = "One training step of a small classifier, explained as it happens.",
                    .options = {{"seed", "N", "0", "of the weights"}, {"h,help", "", "", "print this"}},
                    .program = "",
                    .has_common = false};
  const std::optional<ParsedOptions> parsed = parse_options(cli, argc, argv);
  return parsed ? std::optional(seed_option(*parsed)) : std::nullopt;
}

void introduce(std::uint64_t seed, tour::Page& page) {
  page.title("One training step, from words to weights");
  page.say(
      "A classifier of the DistilBERT family, with one block, reads two texts, says how likely each of them "
      "is positive, and learns from its errors. Every number on this page is computed as it is printed. "
      "Lines "
      "with ✓ were checked against formulas written as plainly as possible (✗ where a check failed). Weights "
      "are drawn from N(0, 0.5²); the usual 0.02 would make all attention uniform, with nothing to see.");
  page.lines(concat("\nB = 2 texts   N rows in all   S rows of a text   D = 8 width    C = 2 classes\n",
                    "H = 2 heads of width d = D / H = 4    F = 16 feed-forward width   seed ", seed, "\n"));
}

int run(int argc, char** argv) {
  const std::optional<std::uint64_t> seed = read_seed(argc, argv);
  if (!seed) return static_cast<int>(ExitStatus::done);
  tour::Page page;
  introduce(*seed, page);
  tour::Step step(*seed);
  show_forward(step, page);
  show_learning(step, page);
  tour::show_claim(*seed, page);
  std::cout << page.text() << "\n"
            << page.checks() - page.failures() << " of " << page.checks() << " checks hold.\n";
  return static_cast<int>(page.failures() == 0 ? ExitStatus::done : ExitStatus::check_failed);
}

}  // namespace

int main(int argc, char** argv) {
  configure_runtime(argv);
  return run_program(argc, argv, run);
}
