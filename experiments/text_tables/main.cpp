#include <algorithm>

#include "../support/command_line.hpp"
#include "slalom/cli/cli.hpp"
#include "slalom/kernels/gemm.hpp"
#include "text_tables.hpp"

namespace {

using namespace slalom;
using namespace slalom::text_tables;

const std::vector<std::string> kItems = {"all",          "nb",      "truth",   "human",
                                         "faithfulness", "removal", "runtime", "planes"};

// The records say of which size they are.
void set_size(const ParsedOptions& parsed, const Study& study, experiment::Options& options) {
  if (!study.about.is_object()) return;
  const std::string size = optional_string(study.about, "size", "about.json", options.size);
  if (size == options.size) return;
  if (parsed.count("size") > 0)
    throw UsageError(concat("--size ", options.size, ", but the records are of size ", size));
  options.size = size;
  if (parsed.count("expected") == 0 && size == "tiny")
    options.expected = read_expected("experiments/text_tables/expected_tiny.tsv");
}

int run(int argc, char** argv) {
  const Command cli = experiment::command_line(
      "text_tables", "The tables and figures of the text study (section 6), made of its records",
      {{"item", "ITEM", "all", "what is printed: " + listed(kItems)}});
  const auto parsed = parse_options(cli, argc, argv);
  if (!parsed) return 0;
  const CommonOptions common = read_common(*parsed);
  experiment::Options options = experiment::read_options(*parsed, "text_tables");
  const std::string item = (*parsed)["item"].as<std::string>();
  if (!std::ranges::count(kItems, item))
    throw UsageError("--item " + item + ", wanted one of " + listed(kItems));
  const std::string input = common.input == "-" ? "out/text_study" : common.input;
  if (common.output == "-") options.folder = input;
  const Study study = read_study(input);
  set_size(*parsed, study, options);
  return static_cast<int>(report(study, item, options) ? ExitStatus::done : ExitStatus::check_failed);
}

}  // namespace

int main(int argc, char** argv) {
  configure_runtime(argv);
  return run_program(argc, argv, run);
}
