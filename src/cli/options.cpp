#include "slalom/cli/options.hpp"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <cxxopts.hpp>
#include <iostream>

#include "slalom/base/error.hpp"
#include "slalom/base/numbers.hpp"
#include "slalom/base/parallel.hpp"
#include "slalom/cli/help.hpp"
#include "slalom/kernels/gemm.hpp"

namespace slalom {

OptionTable joined(std::initializer_list<OptionTable> tables) {
  OptionTable all;
  for (const OptionTable& table : tables) all.insert(all.end(), table.begin(), table.end());
  return all;
}

OptionTable grouped(const std::string& group, OptionTable options, const std::string& excludes) {
  for (Option& option : options) {
    if (option.group.empty()) option.group = group;
    option.excludes = excludes + " " + option.excludes;
  }
  return options;
}

std::size_t ParsedOptions::count(const std::string& name) const {
  const auto found = values_.find(name);
  return found == values_.end() ? 0 : found->second.count;
}

bool ParsedOptions::holds(const std::string& condition) const {
  const std::vector<std::string> parts = split(condition, '!');
  if (parts.size() > 1 && holds(parts[1])) return false;
  const std::vector<std::string> wanted = split(parts[0], '=');
  const auto found = values_.find(wanted[0]);
  if (found == values_.end()) return wanted[0].empty();
  const Value& value = found->second;
  if (wanted.size() == 1) return value.count > 0 && !value.usual;
  return std::ranges::any_of(split_list(value.word),
                             [&](const std::string& item) { return split(item, ':')[0] == wanted[1]; });
}

// --- the table --------------------------------------------------------------------------------------------

namespace {

OptionTable files() {
  return {{"model", "DIR", "", "model folder (Hugging Face layout)"},
          {"input", "FILE", "-", "rows, JSONL or .gz; - is stdin", "", "text"},
          {"output", "FILE", "-", "where to write; - is stdout"}};
}

OptionTable common_options() {
  return grouped("common", {{"seed", "N", "0", "of everything random"},
                            {"threads", "N", "0", "0: OMP_NUM_THREADS, or what affinity and cgroups allow"},
                            {"precision", "f32|f64", "f32", "of the arithmetic"},
                            {"json", "", "", "machine-readable output"},
                            {"progress", "auto|plain|none", "auto", "how it is shown on stderr"},
                            {"q,quiet", "", "", "no progress and no notes on stderr"},
                            {"h,help", "", "", "print this"}});
}

// Those without effect, too.
OptionTable known_options(const Command& command) {
  if (!command.has_common) return command.options;
  OptionTable all = joined({files(), common_options()});
  for (Option own : command.options) {
    const auto place = std::ranges::find(all, own.name, &Option::name);
    if (place == all.end()) {
      all.push_back(std::move(own));
    } else {
      own.group = place->group;
      *place = std::move(own);
    }
  }
  std::stable_partition(all.begin(), all.end(),
                        [](const Option& option) { return option.group != "common"; });
  return all;
}

}  // namespace

OptionTable all_options(const Command& command) {
  OptionTable all = known_options(command);
  std::erase_if(all, [&](const Option& option) { return command.unused.contains(option.name); });
  return all;
}

bool is_flag(const Option& option) {
  return option.value.empty() || option.value.starts_with('[');
}

std::string long_name(const Option& option) {
  return option.name.substr(option.name.find(',') + 1);
}

std::vector<std::string> words_of(const Option& option) {
  if (option.value.empty() || (option.value.find('|') == std::string::npos && std::isupper(option.value[0])))
    return {};
  if (!option.value.starts_with("[=")) return split_list(option.value, '|');
  return split_list(option.value.substr(2, option.value.size() - 3), '|');
}

// --- a command line ---------------------------------------------------------------------------------------

namespace {

std::string alternatives(const std::vector<std::string>& words) {
  std::string list;
  for (std::size_t i = 0; i < words.size(); ++i)
    list += (i == 0 ? "" : i + 1 == words.size() ? " or " : ", ") + words[i];
  return list;
}

// "--data slalom", or "inspect attention" where the value has no name before it.
std::string spelled(const Command& command, const std::string& condition) {
  const std::vector<std::string> parts = split(condition, '=');
  return (std::ranges::count(command.positional, parts[0]) > 0 ? command.name : "--" + parts[0]) +
         (parts.size() == 1 || parts[1].empty() ? "" : " " + parts[1]);
}

void check_value(const Command& command, const Option& option, const std::string& word) {
  const auto refuse = [&](const std::string& wanted) {
    throw UsageError(
        concat(spelled(command, long_name(option)), word.empty() ? "" : " ", word, ", wanted ", wanted));
  };
  if (option.value.empty() && !word.empty()) refuse("no value");
  if (option.value == "N" && !parse_number<std::int64_t>(word) && !parse_number<std::uint64_t>(word))
    refuse("a whole number");
  const std::vector<std::string> words = words_of(option);
  const auto any = [](const std::string& name) { return std::isupper(name[0]) != 0; };
  if (!words.empty() && std::ranges::none_of(words, any) && std::ranges::count(words, word) == 0)
    refuse(alternatives(words));
}

// Throws UsageError unless one of the conditions holds.
void check_needs(const Command& command, const Option& option, const ParsedOptions& parsed) {
  std::vector<std::string> wanted;
  std::string last;  // option of `wanted`, which is named once: "--data a, b or --text"
  for (const std::string& condition : split_list(option.needs, ' ')) {
    if (parsed.holds(condition)) return;
    const std::vector<std::string> parts = split(condition, '!');
    if (parts[0].empty()) continue;
    if (parsed.holds(parts[0]))
      throw UsageError(concat("--", long_name(option), " has no effect with ", spelled(command, parts[1])));
    const std::vector<std::string> words = split(parts[0], '=');
    wanted.push_back(words[0] == last ? words.back() : spelled(command, parts[0]));
    last = words[0];
  }
  if (!wanted.empty())
    throw UsageError(concat("--", long_name(option), " has no effect without ", alternatives(wanted)));
}

void check_effect(const Command& command, const Option& option, const ParsedOptions& parsed) {
  const std::string name = long_name(option);
  if (parsed.count(name) == 0) return;
  if (const auto unused = command.unused.find(name); unused != command.unused.end())
    throw UsageError(concat("--", name, " has no effect in ", command.name, ": ", unused->second));
  for (const std::string& condition : split_list(option.excludes, ' '))
    if (parsed.holds(condition))
      throw UsageError(concat("--", name, " has no effect with ", spelled(command, condition)));
  check_needs(command, option, parsed);
}

cxxopts::ParseResult parse(const Command& command, const OptionTable& options, int argc, char** argv) {
  cxxopts::Options parser(command.title());
  for (const Option& option : options) {
    std::shared_ptr<cxxopts::Value> value = cxxopts::value<std::string>();
    if (is_flag(option)) value = value->implicit_value(option.value.empty() ? "" : "true");
    parser.add_options()(option.name, "", value);
  }
  parser.parse_positional(command.positional);
  try {
    return parser.parse(argc, argv);
  } catch (const cxxopts::exceptions::parsing& e) {
    throw UsageError(e.what(), command.title() + " --help lists the options");
  }
}

// OpenMP knows the cores that the process may run on, but not how much of their time.
int default_threads() {
  const char* wanted = std::getenv("OMP_NUM_THREADS");
  if (wanted != nullptr && *wanted != '\0') return threads();
  return std::min(threads(), allotted_cores().threads());
}

// Results do not depend on their number: where nobody named one, it is what the memory allows.
void choose_threads(Index count) {
  if (count == 0) count = std::max(1, threads_with_memory(default_threads()));
  check_memory_of_threads(static_cast<int>(count));
  set_threads(static_cast<int>(count));
}

}  // namespace

std::optional<ParsedOptions> parse_options(const Command& command, int argc, char** argv) {
  const OptionTable options = known_options(command);
  const cxxopts::ParseResult found = parse(command, options, argc, argv);
  if (!found.unmatched().empty() && !command.takes_list)
    throw UsageError("unexpected argument \"" + found.unmatched().front() + "\"");
  if (found.count("help") > 0) {
    std::cout << short_help(command);
    return std::nullopt;
  }
  ParsedOptions parsed;
  for (const Option& option : options) {
    const std::string name = long_name(option);
    ParsedOptions::Value& value = parsed.values_[name];
    value.count = found.count(name);
    value.word = value.count > 0 ? found[name].as<std::string>() : option.fallback;
    value.usual = !option.fallback.empty() && value.word == option.fallback;
    if (value.count > 0) check_value(command, option, value.word);
  }
  if (command.takes_list) parsed.values_[command.positional.back()].more = found.unmatched();
  for (const Option& option : options) {
    if (std::ranges::count(command.positional, option.name) > 0)  // which must be given
      check_value(command, option, parsed[option.name].word);
    check_effect(command, option, parsed);
  }
  if (parsed.values_.contains("threads")) choose_threads(integer_option(parsed, "threads", 0, 1024));
  return parsed;
}

// --- values -----------------------------------------------------------------------------------------------

int CommonOptions::digits() const {
  return precision == Precision::f64 ? kDoubleDigits : kFloatDigits;
}

CommonOptions read_common(const ParsedOptions& parsed) {
  CommonOptions c{.model = parsed["model"].word,
                  .input = parsed["input"].word,
                  .output = parsed["output"].word,
                  .seed = seed_option(parsed)};
  if (c.output.empty() && parsed.count("output") > 0)
    throw UsageError("--output is empty, wanted a file or -");
  if (c.output.ends_with(".gz"))
    throw UsageError("--output " + c.output + ": output is not compressed", "pipe it: ... | gzip > FILE.gz");
  c.json = parsed.count("json") > 0;
  c.quiet = parsed.count("quiet") > 0;
  if (parsed["precision"].word == "f64") c.precision = Precision::f64;
  if (parsed["precision"].word == "bf16") c.precision = Precision::bf16;
  if (parsed["progress"].word == "plain") c.progress = ProgressMode::plain;
  if (parsed["progress"].word == "none" || c.quiet) c.progress = ProgressMode::none;
  return c;
}

std::uint64_t seed_option(const ParsedOptions& parsed) {
  const std::string& word = parsed["seed"].word;
  const std::optional<std::uint64_t> seed = parse_number<std::uint64_t>(word);
  if (!seed) throw UsageError(concat("--seed ", word, ", wanted a whole number from 0 to ", UINT64_MAX));
  return *seed;
}

std::int64_t integer_option(const ParsedOptions& parsed, const std::string& name, std::int64_t low,
                            std::int64_t high) {
  const std::string& word = parsed[name].word;
  const auto value = parse_number<std::int64_t>(word);
  if (!value || *value < low || *value > high)
    throw UsageError(concat("--", name, " ", word, ", wanted ", low, " to ", high));
  return *value;
}

double number_option(const ParsedOptions& parsed, const std::string& name) {
  const std::optional<double> value = parse_number<double>(parsed[name].word);
  if (!value) throw UsageError("--" + name + " " + parsed[name].word + ", wanted a number");
  return *value;
}

std::string required_option(const ParsedOptions& parsed, const std::string& name) {
  if (parsed[name].word.empty()) throw UsageError("--" + name + " is missing");
  return parsed[name].word;
}

std::optional<bool> choice_option(const ParsedOptions& parsed, const std::string& name,
                                  const std::string& yes) {
  const std::string& word = parsed[name].word;
  return word.empty() ? std::nullopt : std::optional(word == yes);
}

std::vector<std::string> split_list(const std::string& list, char separator) {
  std::vector<std::string> parts = split(list, separator);
  std::erase(parts, "");
  return parts;
}

std::vector<TokenId> id_list(const std::string& option, const std::string& list) {
  std::vector<TokenId> ids;
  for (const std::string& word : split_list(list)) {
    const auto id = parse_number<TokenId>(word);
    if (!id || *id < 0) throw UsageError(concat("--", option, " ", list, ", wanted ids separated by commas"));
    ids.push_back(*id);
  }
  return ids;
}

std::string input_name(const std::string& path) {
  return path == "-" ? "stdin" : path;
}

}  // namespace slalom
