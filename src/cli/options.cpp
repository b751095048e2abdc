#include "slalom/cli/options.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <iostream>
#include <map>
#include <sstream>

#include "slalom/base/error.hpp"
#include "slalom/base/numbers.hpp"
#include "slalom/base/parallel.hpp"
#include "slalom/kernels/gemm.hpp"

namespace slalom {

namespace {

template <class Integer>
std::optional<Integer> whole_number(const std::string& word) {
  Integer number = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
  return error == std::errc() && end == word.data() + word.size() ? std::optional(number) : std::nullopt;
}

}  // namespace

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
      "seed", "of everything random", cxxopts::value<std::string>()->default_value("0"), "N")(
      "threads", "0: OMP_NUM_THREADS or all cores", cxxopts::value<std::int64_t>()->default_value("0"), "N")(
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

enum class Takes { nothing, true_or_false, text, whole_number };

// cxxopts does not tell, but refuses.
bool takes_text(cxxopts::Options& options, const std::string& name) {
  const std::string trial = name + "=x";
  const char* const arguments[] = {"", trial.c_str()};
  try {
    options.parse(2, arguments);
    return true;
  } catch (const cxxopts::exceptions::exception&) {
    return false;
  }
}

// By name: "--model", "-q".
std::map<std::string, Takes> known_options(cxxopts::Options& options) {
  std::map<std::string, Takes> known;
  for (const std::string& group : options.groups())
    for (const cxxopts::HelpOptionDetails& option : options.group_help(group).options) {
      if (!option.s.empty()) known["-" + option.s] = Takes::nothing;
      for (const std::string& name : option.l)
        known["--" + name] = option.is_boolean
                                 ? option.default_value == "true" ? Takes::true_or_false : Takes::nothing
                             : takes_text(options, "--" + name) ? Takes::text
                                                                : Takes::whole_number;
    }
  return known;
}

void check_value(const std::string& name, const std::string& value, Takes takes) {
  const auto refuse = [&](const char* wanted) {
    throw UsageError(name + " " + value + ", wanted " + wanted);
  };
  if (takes == Takes::nothing) refuse("no value");
  if (takes == Takes::true_or_false && value != "true" && value != "false") refuse("true or false");
  if (takes == Takes::whole_number && !whole_number<std::int64_t>(value)) refuse("a whole number");
}

// Whatever cxxopts would refuse, which does not say of which option a value is.
void check_arguments(cxxopts::Options& options, int argc, char** argv) {
  const std::map<std::string, Takes> known = known_options(options);
  const std::string hint = options.program() + " --help lists the options";
  for (int i = 1; i < argc && std::string_view(argv[i]) != "--"; ++i) {
    const std::string argument = argv[i];
    if (argument.size() < 2 || argument[0] != '-') continue;
    if (argument[1] != '-') {
      for (const char flag : argument.substr(1))
        if (!known.contains({'-', flag})) throw UsageError("unknown option " + argument, hint);
      continue;
    }
    const std::size_t equals = argument.find('=');
    const std::string name = argument.substr(0, equals);
    const auto option = known.find(name);
    if (option == known.end()) throw UsageError("unknown option " + name, hint);
    const bool is_flag = option->second == Takes::nothing || option->second == Takes::true_or_false;
    if (is_flag && equals == std::string::npos) continue;
    if (equals == std::string::npos && ++i == argc)
      throw UsageError(name + ", wanted a value behind it", hint);
    check_value(name, equals == std::string::npos ? argv[i] : argument.substr(equals + 1), option->second);
  }
}

// Results do not depend on their number: where nobody named one, it is what the memory allows.
void choose_threads(Index count) {
  if (count == 0) count = std::max(1, threads_with_memory(threads()));
  check_memory_of_threads(static_cast<int>(count));
  set_threads(static_cast<int>(count));
}

}  // namespace

std::optional<cxxopts::ParseResult> parse_options(cxxopts::Options& options, int argc, char** argv) {
  check_arguments(options, argc, argv);
  cxxopts::ParseResult parsed = options.parse(argc, argv);
  if (parsed.count("help") > 0) {
    std::cout << options.help();
    return std::nullopt;
  }
  if (!parsed.unmatched().empty())
    throw UsageError("unexpected argument \"" + parsed.unmatched().front() + "\"");
  if (has_option(options, "threads")) choose_threads(integer_option(parsed, "threads", 0, 1024));
  return parsed;
}

CommonOptions read_common(const cxxopts::ParseResult& parsed) {
  const auto word = [&](const char* name) { return parsed[name].as<std::string>(); };
  CommonOptions c{
      .model = word("model"), .input = word("input"), .output = word("output"), .seed = seed_option(parsed)};
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

std::uint64_t seed_option(const cxxopts::ParseResult& parsed) {
  const std::string word = parsed["seed"].as<std::string>();
  const std::optional<std::uint64_t> seed = whole_number<std::uint64_t>(word);
  if (!seed) throw UsageError(text("--seed ", word, ", wanted a whole number from 0 to ", UINT64_MAX));
  return *seed;
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
  RowLimits limits{.vocabulary = config.vocabulary,
                   .classes = static_cast<int>(config.labels),
                   .problem = config.problem(),
                   .types = config.traits().has_types ? config.types : 2};
  if (config.positions == Positions::learned) limits.longest = config.max_positions;
  return limits;
}

}  // namespace slalom
