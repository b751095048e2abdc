#include "command_line.hpp"

#include <algorithm>
#include <charconv>

namespace slalom::experiment {

cxxopts::Options command_line(const std::string& program, const std::string& summary) {
  cxxopts::Options options = common_options(program, summary);
  options.add_options()("size", "tiny, default or paper",
                        cxxopts::value<std::string>()->default_value("default"), "SIZE")(
      "expected", "values to compare with", cxxopts::value<std::string>()->default_value(""), "TSV")(
      "fresh", "do anew what an earlier run left finished");
  return options;
}

Options read_run(const cxxopts::ParseResult& parsed, const std::string& program) {
  const CommonOptions common = read_common(parsed);
  Options options{.size = parsed["size"].as<std::string>(), .seed = common.seed};
  if (options.size != "tiny" && options.size != "default" && options.size != "paper")
    throw UsageError("--size " + options.size + ", wanted tiny, default or paper");
  options.folder = common.output == "-" ? "out/" + program : common.output;
  options.fresh = parsed.count("fresh") > 0;
  options.quiet = common.quiet;
  options.progress = common.progress;
  return options;
}

Options read_options(const cxxopts::ParseResult& parsed, const std::string& program) {
  Options options = read_run(parsed, program);
  std::string expected = parsed["expected"].as<std::string>();
  if (expected.empty())
    expected = text("experiments/", program, "/expected", options.size == "tiny" ? "_tiny" : "", ".tsv");
  options.expected = read_expected(expected);
  return options;
}

std::vector<Index> read_depths(const std::string& list) {
  std::vector<Index> layers;
  for (const std::string& part : split_list(list)) {
    Index depth = 0;
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), depth);
    if (error != std::errc() || end != part.data() + part.size() || depth < 1 || depth > 1000 ||
        std::ranges::count(layers, depth) > 0)
      throw UsageError("--layers " + list + ", wanted different depths from 1 to 1000, as in 1,2");
    layers.push_back(depth);
  }
  if (layers.empty()) throw UsageError("--layers is empty, wanted depths, as in 1,2");
  return layers;
}

}  // namespace slalom::experiment
