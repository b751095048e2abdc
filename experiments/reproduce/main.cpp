#include <filesystem>

#include "reproduce.hpp"
#include "slalom/base/error.hpp"
#include "slalom/cli/cli.hpp"
#include "slalom/cli/options.hpp"
#include "slalom/kernels/gemm.hpp"

namespace {

using namespace slalom;
using namespace slalom::reproduce;

int run(int argc, char** argv) {
  cxxopts::Options cli =
      common_options("reproduce", "The paper's claims against the results of all studies, in one table");
  cli.add_options()("claims", "what is claimed, and which checks say so",
                    cxxopts::value<std::string>()->default_value("experiments/reproduce/claims.tsv"), "TSV");
  const auto parsed = parse_options(cli, argc, argv);
  if (!parsed) return 0;
  const CommonOptions common = read_common(*parsed);
  const std::string input = common.input == "-" ? "out" : common.input,
                    output = common.output == "-" ? "out/reproduce" : common.output;
  if (!std::filesystem::is_directory(input))
    throw Error(input + ": found no such folder, wanted that of the studies' results");
  std::vector<Outcome> outcomes;
  for (const Claim& claim : read_claims((*parsed)["claims"].as<std::string>())) {
    const std::string path = text(input, "/", claim.results, "/results.json");
    outcomes.push_back(judge(claim, read_results(path), path));
  }
  return static_cast<int>(report(outcomes, input, output) ? ExitStatus::done : ExitStatus::check_failed);
}

}  // namespace

int main(int argc, char** argv) {
  configure_runtime(argv);
  return run_program(argc, argv, run);
}
