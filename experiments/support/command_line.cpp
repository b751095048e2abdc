#include "command_line.hpp"

namespace slalom::experiment {

cxxopts::Options command_line(const std::string& program, const std::string& summary) {
  cxxopts::Options options = common_options(program, summary);
  options.add_options()("size", "tiny, default or paper",
                        cxxopts::value<std::string>()->default_value("default"), "SIZE")(
      "expected", "values to compare with", cxxopts::value<std::string>()->default_value(""), "TSV")(
      "fresh", "do anew what an earlier run left finished");
  return options;
}

Options read_options(const cxxopts::ParseResult& parsed, const std::string& program) {
  const CommonOptions common = read_common(parsed);
  Options options{.size = parsed["size"].as<std::string>(), .seed = common.seed};
  if (options.size != "tiny" && options.size != "default" && options.size != "paper")
    throw UsageError("--size " + options.size + ", wanted tiny, default or paper");
  options.folder = common.output == "-" ? "out/" + program : common.output;
  std::string expected = parsed["expected"].as<std::string>();
  if (expected.empty())
    expected = text("experiments/", program, "/expected", options.size == "tiny" ? "_tiny" : "", ".tsv");
  options.expected = read_expected(expected);
  options.fresh = parsed.count("fresh") > 0;
  options.quiet = common.quiet;
  options.progress = common.progress;
  return options;
}

}  // namespace slalom::experiment
