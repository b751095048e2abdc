#include "slalom/cli/options.hpp"

#include <algorithm>
#include <cmath>
#include <sstream>

#include "slalom/base/error.hpp"
#include "slalom/base/numbers.hpp"

namespace slalom {

int CommonOptions::digits() const {
  return precision == Precision::f64 ? kDoubleDigits : kFloatDigits;
}

CommonOptions read_common(const ParsedOptions& parsed) {
  const auto word = [&](const char* name) { return parsed[name].as<std::string>(); };
  CommonOptions c{
      .model = word("model"), .input = word("input"), .output = word("output"), .seed = seed_option(parsed)};
  if (c.output.empty() && parsed.count("output") > 0)
    throw UsageError("--output is empty, wanted a file or -");
  if (c.output.ends_with(".gz"))
    throw UsageError("--output " + c.output + ": output is not compressed", "pipe it: ... | gzip > FILE.gz");
  c.json = parsed["json"].as<bool>();
  c.quiet = parsed["quiet"].as<bool>();
  if (word("precision") == "f64") c.precision = Precision::f64;
  if (word("progress") == "plain") c.progress = ProgressMode::plain;
  if (word("progress") == "none") c.progress = ProgressMode::none;
  if (c.quiet) c.progress = ProgressMode::none;
  return c;
}

std::uint64_t seed_option(const ParsedOptions& parsed) {
  const std::string word = parsed["seed"].as<std::string>();
  const std::optional<std::uint64_t> seed = whole_number<std::uint64_t>(word);
  if (!seed) throw UsageError(concat("--seed ", word, ", wanted a whole number from 0 to ", UINT64_MAX));
  return *seed;
}

std::int64_t integer_option(const ParsedOptions& parsed, const std::string& name, std::int64_t low,
                            std::int64_t high) {
  const std::string& word = parsed[name].word;
  const auto value = whole_number<std::int64_t>(word);
  if (!value || *value < low || *value > high)
    throw UsageError(concat("--", name, " ", word, ", wanted ", low, " to ", high));
  return *value;
}

double number_option(const ParsedOptions& parsed, const std::string& name) {
  const std::string word = parsed[name].as<std::string>();
  double value = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (error != std::errc() || end != word.data() + word.size() || !std::isfinite(value))
    throw UsageError("--" + name + " " + word + ", wanted a number");
  return value;
}

std::optional<bool> choice_option(const ParsedOptions& parsed, const std::string& name,
                                  const std::string& yes) {
  const std::string& word = parsed[name].word;
  return word.empty() ? std::nullopt : std::optional(word == yes);
}

std::vector<std::string> split_list(const std::string& list, char separator) {
  std::vector<std::string> parts;
  std::istringstream in(list);
  for (std::string part; std::getline(in, part, separator);)
    if (!part.empty()) parts.push_back(part);
  return parts;
}

std::vector<TokenId> id_list(const std::string& option, const std::string& list) {
  std::vector<TokenId> ids;
  for (const std::string& word : split_list(list)) {
    const auto id = whole_number<TokenId>(word);
    if (!id || *id < 0) throw UsageError(concat("--", option, " ", list, ", wanted ids separated by commas"));
    ids.push_back(*id);
  }
  return ids;
}

std::string required_option(const ParsedOptions& parsed, const std::string& name) {
  std::string value = parsed[name].as<std::string>();
  if (value.empty()) throw UsageError("--" + name + " is missing");
  return value;
}

std::string input_name(const std::string& path) {
  return path == "-" ? "stdin" : path;
}

RowLimits row_limits(const ClassifierConfig& config) {
  RowLimits limits{.vocabulary = config.vocabulary,
                   .classes = static_cast<int>(config.labels),
                   .problem = config.problem(),
                   .types = config.traits().has_types ? config.types : 2};
  if (config.positions == Positions::learned) limits.longest = config.max_positions;
  return limits;
}

}  // namespace slalom
