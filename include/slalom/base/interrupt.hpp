// Ctrl-C and `kill` as a question that long loops ask: work stops between two rows, so that finished rows
// are kept and no file is left half written.
#pragma once

#include "slalom/base/error.hpp"

namespace slalom {

/// Makes SIGINT, SIGTERM and SIGUSR1 set a flag, and end the process with 130 if it is still there after
/// `grace_seconds`. Each works once: the same signal a second time ends the process at once. A read that
/// waits for input ends: InputFile takes that for the end of its file. Throws Error if the system refuses.
void catch_interrupts(unsigned grace_seconds = 60);

/// True from the first such signal on.
bool interrupted();

/// Throws Error "interrupted" with ExitStatus::interrupted if interrupted().
void check_interrupt();

/// Runs body(); false if an interrupt ended it, so that rows which are finished can be kept.
template <class Body>
bool unless_interrupted(const Body& body) {
  try {
    body();
  } catch (const Error& e) {
    if (e.status() != ExitStatus::interrupted) throw;
    return false;
  }
  return true;
}

}  // namespace slalom
