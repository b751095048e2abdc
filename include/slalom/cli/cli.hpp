// The command line (docs of the contract: README, "Command line"): `slalom COMMAND [options]`.
#pragma once

#include <string>
#include <vector>

namespace slalom {

struct Command {
  const char* name;
  const char* summary;
  int (*run)(int argc, char** argv);  // argv[0] is the command's name; returns an exit status
};

/// In the order in which `slalom --help` lists them.
const std::vector<Command>& commands();

int run_audit(int argc, char** argv);
int run_compare(int argc, char** argv);
int run_convert(int argc, char** argv);
int run_evaluate(int argc, char** argv);
int run_explain(int argc, char** argv);
int run_fit(int argc, char** argv);
int run_info(int argc, char** argv);
int run_inspect(int argc, char** argv);
int run_predict(int argc, char** argv);
int run_tokenize(int argc, char** argv);
int run_train(int argc, char** argv);

/// Runs a program's body: catches interrupts, turns exceptions into `error:` and `hint:` on stderr, and
/// returns the exit status.
int run_program(int argc, char** argv, int (*body)(int, char**));

/// The whole of `slalom`.
int run_cli(int argc, char** argv);

}  // namespace slalom
