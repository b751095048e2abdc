#include "slalom/base/interrupt.hpp"

#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "slalom/base/error.hpp"

namespace slalom {
namespace {

// A signal handler has no other way to report: it may touch nothing but a lock-free flag of static storage.
std::atomic<bool> signal_seen{false};
static_assert(std::atomic<bool>::is_always_lock_free);

std::atomic<unsigned> grace{0};  // seconds
static_assert(std::atomic<unsigned>::is_always_lock_free);

extern "C" void note_signal(int) {
  signal_seen.store(true, std::memory_order_relaxed);
  alarm(grace.load(std::memory_order_relaxed));
}

extern "C" void end_process(int) {
  _exit(static_cast<int>(ExitStatus::interrupted));
}

}  // namespace

void catch_interrupts(unsigned grace_seconds) {
  grace = grace_seconds;
  const auto handle = [](int signal, void (*handler)(int)) {
    struct sigaction action {};
    action.sa_handler = handler;
    // SA_RESETHAND restores the default, which ends the process, before the handler runs: the way out of a
    // loop that does not ask.
    action.sa_flags = static_cast<int>(SA_RESETHAND);
    sigemptyset(&action.sa_mask);
    if (sigaction(signal, &action, nullptr) != 0)
      throw Error(concat("[interrupt] cannot catch signal ", signal, ": ", std::strerror(errno)));
  };
  handle(SIGINT, note_signal);
  handle(SIGTERM, note_signal);
  handle(SIGUSR1, note_signal);
  handle(SIGALRM, end_process);
}

bool interrupted() {
  return signal_seen.load(std::memory_order_relaxed);
}

void check_interrupt() {
  if (interrupted()) throw Error("interrupted", "", ExitStatus::interrupted);
}

}  // namespace slalom
