#include "command_line.hpp"

#include <algorithm>

#include "slalom/base/numbers.hpp"

namespace slalom::experiment {

Command command_line(const std::string& program, const std::string& summary, OptionTable own) {
  return {.name = program,
          .summary = summary,
          .options = joined({own,
                             {{"size", "tiny|default|paper", "default", "of the study"},
                              {"expected", "TSV", "", "values to compare with"},
                              {"fresh", "", "", "do anew what an earlier run left finished"}}}),
          .program = ""};
}

Options read_run(const ParsedOptions& parsed, const std::string& program) {
  const CommonOptions common = read_common(parsed);
  Options options{.size = parsed["size"].as<std::string>(), .seed = common.seed};
  options.folder = common.output == "-" ? "out/" + program : common.output;
  options.fresh = parsed.count("fresh") > 0;
  options.quiet = common.quiet;
  options.progress = common.progress;
  return options;
}

Options read_options(const ParsedOptions& parsed, const std::string& program) {
  Options options = read_run(parsed, program);
  std::string expected = parsed["expected"].as<std::string>();
  if (expected.empty())
    expected = concat("experiments/", program, "/expected", options.size == "tiny" ? "_tiny" : "", ".tsv");
  options.expected = read_expected(expected);
  return options;
}

std::vector<Index> read_depths(const std::string& list) {
  std::vector<Index> layers;
  for (const std::string& part : split_list(list)) {
    const Index depth = parse_number<Index>(part).value_or(0);
    if (depth < 1 || depth > 1000 || std::ranges::count(layers, depth) > 0)
      throw UsageError("--layers " + list + ", wanted different depths from 1 to 1000, as in 1,2");
    layers.push_back(depth);
  }
  if (layers.empty()) throw UsageError("--layers is empty, wanted depths, as in 1,2");
  return layers;
}

}  // namespace slalom::experiment
