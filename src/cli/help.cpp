#include "slalom/cli/help.hpp"

#include <algorithm>
#include <cctype>

#include "slalom/base/error.hpp"
#include "slalom/report/table.hpp"

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

// What stands for the value; words that are too many for that are part of the meaning.
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

std::string words_in_meaning(const Option& option) {
  return value_name(option) == option.value ? "" : ": " + listed(words_of(option));
}

std::string meaning(const Option& option) {
  const std::string all = option.meaning + words_in_meaning(option);
  return option.fallback.empty() ? all : all + " (default: " + listed(split(option.fallback, ',')) + ")";
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
  for (const Option& option : command.options)
    if (std::ranges::count(command.positional, option.name) > 0) line += " " + option.value;
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
  for (auto& [name, options] : groups_of(command)) {
    std::vector<std::string> names;
    for (Option& option : options) {
      names.push_back("--" + long_name(option));
      option.value = value_name(option);  // without a long list of words
    }
    out += name.empty() ? option_lines(options) + "\n" : wrapped("  " + name + ":", names, 4);
  }
  return out + "  all of them: slalom help " + command.name + "\n" + examples_of(command);
}

std::string man_page(const std::vector<Command>& commands) {
  const auto roff = [](const std::string& text) {
    std::string out;
    for (const char c : text) out += c == '\\' ? "\\e" : c == '-' ? "\\-" : std::string(1, c);
    return out;
  };
  std::string out =
      concat(".TH SLALOM 1 \"\" \"slalom ", SLALOM_VERSION, "\"\n.SH NAME\nslalom \\- attention ",
             "classifiers, their surrogates and explanations of their outputs\n.SH SYNOPSIS\n.B slalom\n",
             ".I COMMAND\n[options]\n.SH COMMANDS\n");
  for (const Command& command : commands)
    out += ".SS slalom " + command.name + "\n.nf\n" + roff(full_help(command)) + ".fi\n";
  return out + ".SH EXIT STATUS\n" + kExitStatus + "\n";
}

std::string markdown_reference(const std::vector<Command>& commands) {
  const auto table = [](const OptionTable& options) {
    Table rows({{"option"}, {"meaning"}, {"default"}});
    for (const Option& option : options)
      rows.add_row({"`" + spelled(option) + "`", option.meaning + words_in_meaning(option), option.fallback});
    return rows.markdown();
  };
  const OptionTable common = groups_of(commands.front()).back().second;
  std::string out = "## Options of each command\n\nWritten by `make reference`.\n";
  for (const Command& command : commands) {
    OptionTable own = all_options(command);
    std::erase_if(own, [&](const Option& option) { return std::ranges::count(common, option) > 0; });
    out += "\n### slalom " + command.name + "\n\n" + table(own);
  }
  return out + "\n### Common options\n\n" + table(common);
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
