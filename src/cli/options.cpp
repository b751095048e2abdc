#include "slalom/cli/options.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <iostream>
#include <sstream>

#include "slalom/base/error.hpp"
#include "slalom/base/numbers.hpp"
#include "slalom/base/parallel.hpp"

namespace slalom {

int CommonOptions::digits() const {
  return precision == Precision::f64 ? kDoubleDigits : kFloatDigits;
}

cxxopts::Options common_options(const std::string& command, const std::string& summary) {
  cxxopts::Options options("slalom " + command, summary);
  options.set_width(80);
  options.add_options("common")("model", "model folder (Hugging Face layout)",
                                cxxopts::value<std::string>()->default_value(""), "DIR")(
      "input", "rows, JSONL or .gz; - is stdin", cxxopts::value<std::string>()->default_value("-"), "FILE")(
      "output", "where to write; - is stdout", cxxopts::value<std::string>()->default_value("-"), "FILE")(
      "seed", "of everything random", cxxopts::value<std::uint64_t>()->default_value("0"), "N")(
      "threads", "0: OMP_NUM_THREADS or all cores", cxxopts::value<int>()->default_value("0"), "N")(
      "precision", "f32 or f64", cxxopts::value<std::string>()->default_value("f32"), "P")(
      "json", "machine-readable output")("progress", "auto, plain or none",
                                         cxxopts::value<std::string>()->default_value("auto"), "MODE")(
      "q,quiet", "no progress and no notes on stderr")("h,help", "print this");
  return options;
}

namespace {

bool has_option(const cxxopts::Options& options, const std::string& name) {
  for (const std::string& group : options.groups())
    for (const cxxopts::HelpOptionDetails& option : options.group_help(group).options)
      if (std::ranges::find(option.l, name) != option.l.end()) return true;
  return false;
}

}  // namespace

std::optional<cxxopts::ParseResult> parse_options(cxxopts::Options& options, int argc, char** argv) {
  try {
    cxxopts::ParseResult parsed = options.parse(argc, argv);
    if (parsed.count("help") > 0) {
      std::cout << options.help();
      return std::nullopt;
    }
    if (!parsed.unmatched().empty())
      throw UsageError("unexpected argument \"" + parsed.unmatched().front() + "\"");
    if (!has_option(options, "threads")) return parsed;
    if (const int count = parsed["threads"].as<int>(); count < 0 || count > 1024)
      throw UsageError(text("--threads ", count, ", wanted 0 to 1024"));
    else
      set_threads(count);
    return parsed;
  } catch (const cxxopts::exceptions::exception& e) {
    throw UsageError(e.what(), options.program() + " --help lists the options");
  }
}

CommonOptions read_common(const cxxopts::ParseResult& parsed) {
  const auto word = [&](const char* name) { return parsed[name].as<std::string>(); };
  CommonOptions c{.model = word("model"),
                  .input = word("input"),
                  .output = word("output"),
                  .seed = parsed["seed"].as<std::uint64_t>()};
  if (c.output.empty()) throw UsageError("--output is empty, wanted a file or -");
  if (c.output.ends_with(".gz"))
    throw UsageError("--output " + c.output + ": output is not compressed", "pipe it: ... | gzip > FILE.gz");
  c.json = parsed["json"].as<bool>();
  c.quiet = parsed["quiet"].as<bool>();
  const std::string precision = word("precision"), progress = word("progress");
  if (precision != "f32" && precision != "f64")
    throw UsageError("--precision " + precision + ", wanted f32 or f64");
  c.precision = precision == "f64" ? Precision::f64 : Precision::f32;
  if (progress == "plain")
    c.progress = ProgressMode::plain;
  else if (progress == "none")
    c.progress = ProgressMode::none;
  else if (progress != "auto")
    throw UsageError("--progress " + progress + ", wanted auto, plain or none");
  if (c.quiet) c.progress = ProgressMode::none;
  return c;
}

std::int64_t integer_option(const cxxopts::ParseResult& parsed, const std::string& name, std::int64_t low,
                            std::int64_t high) {
  const auto value = parsed[name].as<std::int64_t>();
  if (value < low || value > high)
    throw UsageError(text("--", name, " ", value, ", wanted ", low, " to ", high));
  return value;
}

double number_option(const cxxopts::ParseResult& parsed, const std::string& name) {
  const std::string word = parsed[name].as<std::string>();
  double value = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (error != std::errc() || end != word.data() + word.size() || !std::isfinite(value))
    throw UsageError("--" + name + " " + word + ", wanted a number");
  return value;
}

std::optional<bool> choice_option(const cxxopts::ParseResult& parsed, const std::string& name,
                                  const std::string& no, const std::string& yes) {
  const std::string word = parsed[name].as<std::string>();
  if (word.empty()) return std::nullopt;
  if (word != no && word != yes) throw UsageError(text("--", name, " ", word, ", wanted ", no, " or ", yes));
  return word == yes;
}

void refuse_options(const cxxopts::ParseResult& parsed, std::initializer_list<const char*> names,
                    const std::string& because) {
  for (const char* name : names)
    if (parsed.count(name) > 0) throw UsageError(text("--", name, " has no effect ", because));
}

void refuse_other_options(const cxxopts::ParseResult& parsed, const std::vector<std::string>& allowed,
                          const std::string& because) {
  for (const cxxopts::KeyValue& given : parsed.arguments())
    if (std::ranges::find(allowed, given.key()) == allowed.end())
      throw UsageError(text("--", given.key(), " has no effect ", because));
}

std::vector<std::string> split_list(const std::string& list) {
  std::vector<std::string> parts;
  std::istringstream in(list);
  for (std::string part; std::getline(in, part, ',');)
    if (!part.empty()) parts.push_back(part);
  return parts;
}

std::vector<TokenId> id_list(const std::string& option, const std::string& list) {
  std::vector<TokenId> ids;
  for (const std::string& word : split_list(list)) {
    TokenId id = -1;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), id);
    if (error != std::errc() || end != word.data() + word.size() || id < 0)
      throw UsageError(text("--", option, " ", list, ", wanted ids separated by commas"));
    ids.push_back(id);
  }
  return ids;
}

std::string required_option(const cxxopts::ParseResult& parsed, const std::string& name) {
  std::string value = parsed[name].as<std::string>();
  if (value.empty()) throw UsageError("--" + name + " is missing");
  return value;
}

std::string input_name(const std::string& path) {
  return path == "-" ? "stdin" : path;
}

RowLimits row_limits(const ClassifierConfig& config) {
  RowLimits limits{.vocabulary = config.vocabulary, .classes = static_cast<int>(config.labels)};
  if (config.positions == Positions::learned) limits.longest = config.max_positions;
  return limits;
}

}  // namespace slalom
