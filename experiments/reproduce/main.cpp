#include <algorithm>
#include <filesystem>
#include <map>

#include "reproduce.hpp"
#include "slalom/base/error.hpp"
#include "slalom/cli/cli.hpp"
#include "slalom/cli/options.hpp"
#include "slalom/kernels/gemm.hpp"

namespace {

using namespace slalom;
using namespace slalom::reproduce;

// By the study's folder below `input`.
std::map<std::string, Results> all_results(const std::string& input) {
  std::map<std::string, Results> all;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(input)) {
    const std::filesystem::path folder = entry.path().parent_path();
    if (entry.path().filename() == "results.json" && folder.filename() != "reproduce")
      all.emplace(std::filesystem::relative(folder, input).string(), read_results(entry.path().string()));
  }
  return all;
}

int run(int argc, char** argv) {
  const Command cli{.name = "reproduce",
                    .summary = "The paper's claims against the results of all studies, in one table",
                    .options = {{"claims", "TSV", "experiments/reproduce/claims.tsv",
                                 "what is claimed, and which numbers say so"}},
                    .program = ""};
  const auto parsed = parse_options(cli, argc, argv);
  if (!parsed) return 0;
  const CommonOptions common = read_common(*parsed);
  const std::string input = common.input == "-" ? "out" : common.input,
                    output = common.output == "-" ? "out/reproduce" : common.output;
  if (!std::filesystem::is_directory(input))
    throw Error(input + ": found no such folder, wanted that of the studies' results");
  const std::vector<Claim> claims = read_claims((*parsed)["claims"].as<std::string>());
  const std::map<std::string, Results> all = all_results(input);
  std::vector<Outcome> outcomes;
  for (const Claim& claim : claims) {
    const auto found = all.find(claim.results);
    outcomes.push_back(judge(claim, found == all.end() ? std::nullopt : std::optional(found->second),
                             concat(input, "/", claim.results, "/results.json")));
  }
  return static_cast<int>(report(outcomes, all, input, output) ? ExitStatus::done : ExitStatus::check_failed);
}

}  // namespace

int main(int argc, char** argv) {
  configure_runtime(argv);
  return run_program(argc, argv, run);
}
