// The command line (docs of the contract: README, "Command line"): `slalom COMMAND [options]`.
#pragma once

#include <functional>

#include "slalom/base/error.hpp"
#include "slalom/cli/options.hpp"

namespace slalom {

/// In the order in which `slalom --help` lists them.
const std::vector<Command>& commands();

Command audit_command();
Command compare_command();
Command convert_command();
Command evaluate_command();
Command explain_command();
Command fit_command();
Command info_command();
Command inspect_command();
Command merge_command();
Command predict_command();
Command tokenize_command();
Command train_command();
Command verify_command();

/// A line on stderr, which may hold names and texts of anybody's files: as visible() has it, nothing in it
/// controls a terminal. Of more than 1,000 characters the middle is left out.
void say(const std::string& line);
/// threads_text() at the start of what takes long, where its progress is shown.
void say_threads(ProgressMode progress);
/// "error: …", and "hint: …" if there is one, whose line ends stay.
void say_error(const Error& error);

/// Runs a program's body: catches interrupts, turns exceptions into `error:` and `hint:` on stderr, and
/// returns the exit status.
int run_program(int argc, char** argv, const std::function<int(int, char**)>& body);

/// The body of `slalom`.
int run_cli(int argc, char** argv);

}  // namespace slalom
