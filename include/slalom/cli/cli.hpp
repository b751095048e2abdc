// The command line (docs of the contract: README, "Command line"): `slalom COMMAND [options]`.
#pragma once

#include "slalom/cli/command.hpp"

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
Command predict_command();
Command tokenize_command();
Command train_command();
Command verify_command();

/// Runs a program's body: catches interrupts, turns exceptions into `error:` and `hint:` on stderr, and
/// returns the exit status.
int run_program(int argc, char** argv, int (*body)(int, char**));

/// The whole of `slalom`.
int run_cli(int argc, char** argv);

}  // namespace slalom
