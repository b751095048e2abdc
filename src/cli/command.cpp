#include "slalom/cli/command.hpp"

#include <algorithm>
#include <cctype>
#include <cxxopts.hpp>
#include <iostream>

#include "slalom/base/error.hpp"
#include "slalom/base/parallel.hpp"
#include "slalom/cli/help.hpp"
#include "slalom/cli/options.hpp"
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

template <>
std::string ParsedOptions::Value::as() const {
  return word;
}
template <>
std::int64_t ParsedOptions::Value::as() const {
  if (const auto number = whole_number<std::int64_t>(word)) return *number;
  throw UsageError(concat("found ", word, ", wanted at most ", INT64_MAX));
}
template <>
bool ParsedOptions::Value::as() const {
  return word == "true";
}

std::size_t ParsedOptions::count(const std::string& name) const {
  const auto found = values_.find(name);
  return found == values_.end() ? 0 : found->second.count;
}

bool ParsedOptions::holds(const std::string& condition) const {
  const std::size_t equals = condition.find('=');
  const auto found = values_.find(condition.substr(0, equals));
  if (found == values_.end()) return false;
  const Value& value = found->second;
  if (equals == std::string::npos) return value.count > 0 && !value.usual;
  return std::ranges::count(split_list(value.word), condition.substr(equals + 1)) > 0;
}

namespace {

OptionTable files() {
  return {{"model", "DIR", "", "model folder (Hugging Face layout)"},
          {"input", "FILE", "-", "rows, JSONL or .gz; - is stdin", "", "text"},
          {"output", "FILE", "-", "where to write; - is stdout"}};
}

OptionTable common_options() {
  return grouped("common", {{"seed", "N", "0", "of everything random"},
                            {"threads", "N", "0", "0: OMP_NUM_THREADS or all cores"},
                            {"precision", "f32|f64", "f32", "of the arithmetic"},
                            {"json", "", "", "machine-readable output"},
                            {"progress", "auto|plain|none", "auto", "how it is shown on stderr"},
                            {"q,quiet", "", "", "no progress and no notes on stderr"},
                            {"h,help", "", "", "print this"}});
}

// Puts an option into the place of the shared one of its name, if there is one.
bool replaced(OptionTable& shared, Option own) {
  const auto place = std::ranges::find(shared, own.name, &Option::name);
  if (place == shared.end()) return false;
  own.group = place->group;
  *place = std::move(own);
  return true;
}

// The common options without effect, too.
OptionTable known_options(const Command& command) {
  if (!command.has_common) return command.options;
  OptionTable first = files(), own, last = common_options();
  for (const Option& option : command.options)
    if (!replaced(first, option) && !replaced(last, option)) own.push_back(option);
  return joined({first, own, last});
}

// "--data slalom", or "inspect attention" where the value has no name before it.
std::string spelled(const Command& command, const std::string& condition) {
  const std::size_t equals = condition.find('=');
  const std::string name = condition.substr(0, equals);
  const std::string word = equals == std::string::npos ? "" : condition.substr(equals + 1);
  return (std::ranges::count(command.positional, name) > 0 ? command.name : "--" + name) +
         (word.empty() ? "" : " " + word);
}

std::string alternatives(const std::vector<std::string>& words) {
  std::string list;
  for (std::size_t i = 0; i < words.size(); ++i)
    list += (i == 0 ? "" : i + 1 == words.size() ? " or " : ", ") + words[i];
  return list;
}

void check_value(const Command& command, const Option& option, const std::string& word) {
  const auto refuse = [&](const std::string& wanted) {
    throw UsageError(concat(spelled(command, long_name(option) + "=" + word), ", wanted ", wanted));
  };
  if (option.value.empty() && !word.empty()) refuse("no value");
  if (option.value == "N" && !whole_number<std::int64_t>(word) && !whole_number<std::uint64_t>(word))
    refuse("a whole number");
  const std::vector<std::string> words = words_of(option);
  const auto any = [](const std::string& name) { return std::isupper(name[0]) != 0; };
  if (!words.empty() && std::ranges::none_of(words, any) && std::ranges::count(words, word) == 0)
    refuse(alternatives(words));
}

void check_effect(const Command& command, const Option& option, const ParsedOptions& parsed) {
  const std::string name = long_name(option);
  if (parsed.count(name) == 0) return;
  if (const auto unused = command.unused.find(name); unused != command.unused.end())
    throw UsageError(concat("--", name, " has no effect in ", command.name, ": ", unused->second));
  const auto holds = [&](const std::string& condition) { return parsed.holds(condition); };
  for (const std::string& condition : split_list(option.excludes, ' '))
    if (holds(condition))
      throw UsageError(concat("--", name, " has no effect with ", spelled(command, condition)));
  const std::vector<std::string> needs = split_list(option.needs, ' ');
  if (!needs.empty() && std::ranges::none_of(needs, holds)) {
    std::vector<std::string> wanted;
    for (const std::string& condition : needs) wanted.push_back(spelled(command, condition));
    throw UsageError(concat("--", name, " has no effect without ", alternatives(wanted)));
  }
}

void check_unmatched(const std::vector<std::string>& unmatched, const Command& command, int argc,
                     char** argv) {
  if (unmatched.empty()) return;
  const std::string& first = unmatched.front();
  if (first.size() < 2 || first[0] != '-') throw UsageError("unexpected argument \"" + first + "\"");
  std::string option = first.substr(0, first.find('='));
  for (int i = 1; first[1] != '-' && i < argc; ++i)  // of several letters behind one dash
    if (const std::string_view word = argv[i];
        word.starts_with('-') && !word.starts_with("--") && word.find(first[1]) != word.npos) {
      option = word;
      break;
    }
  throw UsageError("unknown option " + option, command.title() + " --help lists the options");
}

cxxopts::ParseResult parse(const Command& command, const OptionTable& options, int argc, char** argv) {
  cxxopts::Options parser(command.title());
  parser.allow_unrecognised_options();
  for (const Option& option : options) {
    std::shared_ptr<cxxopts::Value> value = cxxopts::value<std::string>();
    if (is_flag(option)) value = value->implicit_value(option.value.empty() ? "" : "true");
    parser.add_options()(option.name, "", value);
  }
  parser.parse_positional(command.positional);
  try {
    return parser.parse(argc, argv);
  } catch (const cxxopts::exceptions::missing_argument&) {  // which only the last can be
    throw UsageError(concat(argv[argc - 1], ", wanted a value behind it"),
                     command.title() + " --help lists the options");
  }
}

// Results do not depend on their number: where nobody named one, it is what the memory allows.
void choose_threads(Index count) {
  if (count == 0) count = std::max(1, threads_with_memory(threads()));
  check_memory_of_threads(static_cast<int>(count));
  set_threads(static_cast<int>(count));
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

std::optional<ParsedOptions> parse_options(const Command& command, int argc, char** argv) {
  const OptionTable options = known_options(command);
  const cxxopts::ParseResult found = parse(command, options, argc, argv);
  check_unmatched(found.unmatched(), command, argc, argv);
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
    if (option.value.empty() && value.count > 0) value.word = "true";
  }
  for (const Option& option : options) {
    if (std::ranges::count(command.positional, option.name) > 0)  // which must be given
      check_value(command, option, parsed[option.name].word);
    check_effect(command, option, parsed);
  }
  if (parsed.values_.contains("threads")) choose_threads(integer_option(parsed, "threads", 0, 1024));
  return parsed;
}

}  // namespace slalom
