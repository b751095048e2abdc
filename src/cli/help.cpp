#include "slalom/cli/help.hpp"

#include <algorithm>
#include <cctype>

#include "slalom/base/error.hpp"
#include "slalom/cli/options.hpp"

namespace slalom {

namespace {

constexpr std::size_t kColumns = 80, kLines = 24, kMeaning = 28;  // kMeaning: column where meanings begin
constexpr const char* kExitStatus =
    "0 done; 1 a check failed; 2 wrong command line; 3 bad model or input; 4 finished, but rows failed; "
    "130 interrupted.";

// Lines of words, the first behind `start`, the others behind `margin` spaces.
std::string wrapped(std::string start, const std::vector<std::string>& words, std::size_t margin) {
  std::string out, line = std::move(start);
  for (const std::string& word : words) {
    if (line.size() > margin && line.size() + 1 + word.size() > kColumns) {
      out += line + "\n";
      line = std::string(margin, ' ');
    } else if (line.size() > margin) {
      line += ' ';
    }
    line += word;
  }
  return out + line + "\n";
}

// What stands for the value: a list of words that is too long for that is part of the meaning.
std::string value_name(const Option& option) {
  return option.value.size() > kMeaning ? "NAME" : option.value;
}

std::string spelled(const Option& option) {
  const std::string letter =
      option.name.size() > 2 && option.name[1] == ',' ? "-" + option.name.substr(0, 1) : "";
  const std::string value = value_name(option);
  return (letter.empty() ? "" : letter + ", ") + "--" + long_name(option) +
         (value.empty() || value[0] == '[' ? value : " " + value);
}

std::string meaning(const Option& option) {
  std::string all = option.meaning;
  if (value_name(option) != option.value) all += ": " + listed(words_of(option));
  return option.fallback.empty() ? all : all + " (default: " + option.fallback + ")";
}

std::vector<std::pair<std::string, OptionTable>> groups_of(const Command& command) {
  std::vector<std::pair<std::string, OptionTable>> groups;
  for (const Option& option : all_options(command)) {
    const auto is_its = [&](const auto& group) { return group.first == option.group; };
    auto group = std::ranges::find_if(groups, is_its);
    if (group == groups.end()) group = groups.insert(groups.end(), {option.group, {}});
    group->second.push_back(option);
  }
  return groups;
}

std::string usage(const Command& command) {
  std::string line = "usage: " + command.title();
  const OptionTable options = all_options(command);
  for (const std::string& name : command.positional)
    line += " " + std::ranges::find(options, name, long_name)->value;
  return line + " [options]\n" + command.summary + "\n";
}

std::string option_lines(const OptionTable& options) {
  std::string out;
  for (const Option& option : options) {
    std::string start = "  " + spelled(option);
    if (start.size() + 2 > kMeaning) {
      out += start + "\n";
      start.clear();
    }
    start.resize(kMeaning, ' ');
    out += wrapped(start, split_list(meaning(option), ' '), kMeaning);
  }
  return out;
}

std::string examples_of(const Command& command) {
  std::string out = command.examples.empty() ? "" : "\nexamples:\n";
  for (const std::string& example : command.examples) out += "  " + command.program + " " + example + "\n";
  return out;
}

}  // namespace

std::string full_help(const Command& command) {
  std::string out = usage(command);
  for (const auto& [name, options] : groups_of(command))
    out += "\n" + (name.empty() ? "" : name + ":\n") + option_lines(options);
  return out + examples_of(command);
}

std::string short_help(const Command& command) {
  const std::string all = full_help(command);
  if (std::ranges::count(all, '\n') <= static_cast<std::ptrdiff_t>(kLines)) return all;
  std::string out = usage(command) + "\n";
  for (const auto& [name, options] : groups_of(command)) {
    if (name.empty()) {
      out += option_lines(options) + "\n";
      continue;
    }
    std::vector<std::string> names;
    for (const Option& option : options) names.push_back("--" + long_name(option));
    out += wrapped("  " + name + ":", names, 4);
  }
  return out + "  all of them: slalom help " + command.name + "\n" + examples_of(command);
}

// --- man page
// ------------------------------------------------------------------------------------------------

namespace {

std::string roff(const std::string& text) {
  std::string out;
  for (const char c : text) out += c == '\\' ? "\\e" : c == '-' ? "\\-" : std::string(1, c);
  return out.starts_with('.') || out.starts_with('\'') ? "\\&" + out : out;
}

std::string bare_summary(const Command& command) {
  return command.summary + (command.summary.ends_with('.') ? "" : ".");
}

}  // namespace

std::string man_page(const std::vector<Command>& commands) {
  std::string out =
      concat(".TH SLALOM 1 \"\" \"slalom ", SLALOM_VERSION, "\"\n.SH NAME\nslalom \\- attention ",
             "classifiers, their surrogates and explanations of their outputs\n.SH SYNOPSIS\n.B slalom\n",
             ".I COMMAND\n[options]\n.SH COMMANDS\n");
  std::string common;
  const auto add = [](const OptionTable& options, std::string& to) {
    for (const Option& option : options)
      to += ".TP\n.B " + roff(spelled(option)) + "\n" + roff(meaning(option)) + "\n";
  };
  for (const Command& command : commands) {
    out += ".SS slalom " + command.name + "\n" + roff(bare_summary(command)) + "\n";
    common.clear();
    for (const auto& [name, options] : groups_of(command)) add(options, name == "common" ? common : out);
    for (const std::string& example : command.examples)
      out += ".PP\n.nf\n\\&  slalom " + roff(example) + "\n.fi\n";
  }
  return out + ".SH COMMON OPTIONS\n" + common + ".SH EXIT STATUS\n" + roff(kExitStatus) + "\n";
}

std::string markdown_reference(const std::vector<Command>& commands) {
  std::string out = "## Options of each command\n\nWritten by `make reference`.\n";
  for (const Command& command : commands)
    out += "\n### slalom " + command.name + "\n\n```\n" + full_help(command) + "```\n";
  return out;
}

std::string completions(const std::vector<Command>& commands, const std::vector<std::string>& before) {
  std::string out;
  if (before.empty()) {
    for (const Command& command : commands) out += command.name + "\n";
    return out + "help\n";
  }
  const auto command = std::ranges::find(commands, before.front(), &Command::name);
  if (command == commands.end()) return before.size() == 1 ? completions(commands, {}) : "";
  for (const Option& option : all_options(*command)) {
    if ("--" + long_name(option) == before.back() && !is_flag(option)) {
      out.clear();
      for (const std::string& word : words_of(option))
        if (std::islower(word[0]) != 0) out += word + "\n";
      return out;
    }
    out += "--" + long_name(option) + "\n";
  }
  return out;
}

}  // namespace slalom
