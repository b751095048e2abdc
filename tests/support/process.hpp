// Child processes: what a program prints and how it ends, and what it leaves behind when it is killed.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace slalom::test {

/// A signal that the child gets once `when` says so (empty: at once) and `after_ms` have gone by since then.
struct Kill {
  int signal = 0;  // 0: none
  std::function<bool()> when{};
  double after_ms = 0;
};

struct ProcessOptions {
  std::string input{};                     // stdin
  std::vector<std::string> environment{};  // "NAME=value", on top of this process's own
  std::string stdout_file{};               // where stdout goes instead of Finished::out
  bool closed_pipe = false;                // stdout is a pipe that nobody reads
  Kill kill{};
};

struct Finished {
  int status = 0;  // as a shell has it: the exit status, or 128 + the signal that ended the child
  std::string out, err;
};

/// Waits for the child, at most a minute. Throws std::runtime_error if it cannot be started or does not end.
Finished run_process(const std::vector<std::string>& command, const ProcessOptions& options = {});

/// build/CONFIG/NAME of the running build/CONFIG/tests/run.
std::string program_beside(const char* name);
/// The program under test: $SLALOM_BIN, or build/CONFIG/slalom.
std::string slalom_binary();
Finished run_slalom(std::vector<std::string> arguments, const ProcessOptions& options = {});

/// Names of the files in a folder, sorted.
std::vector<std::string> files_in(const std::string& folder);

}  // namespace slalom::test
