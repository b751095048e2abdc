// What is written of the tables of options: help, man page, completion, reference.
#pragma once

#include "slalom/cli/options.hpp"

namespace slalom {

/// --help, in 80 columns: all of it if it fits a screen of 24 lines, else the options that matter first with
/// their meaning, the others by name.
std::string short_help(const Command& command);
/// Every option with its meaning.
std::string full_help(const Command& command);

std::string man_page(const std::vector<Command>& commands);
/// The last section of src/cli/README.md.
std::string markdown_reference(const std::vector<Command>& commands);
/// For a shell: the words, a line each, that can follow these arguments of the program; none where a file, a
/// number or a text does.
std::string completions(const std::vector<Command>& commands, const std::vector<std::string>& before);

}  // namespace slalom
