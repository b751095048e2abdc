#include "slalom/base/interrupt.hpp"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <string>

#include "slalom/base/error.hpp"

namespace {

using namespace slalom;

/// Runs body() in a child process, because a caught signal would stay caught for all other tests; returns
/// the status that waitpid reports.
template <class Body>
int status_of_child(const Body& body) {
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) _exit(body());
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  return status;
}

int exit_status_after(int signal) {
  catch_interrupts();
  check_interrupt();
  if (interrupted()) return 1;
  raise(signal);
  if (!interrupted()) return 2;
  try {
    check_interrupt();
  } catch (const Error& error) {
    return error.what() == std::string("interrupted") ? static_cast<int>(error.status()) : 3;
  }
  return 4;
}

TEST_CASE("a first signal only sets the flag, which becomes exit status 130") {
  for (const int signal : {SIGINT, SIGTERM, SIGUSR1}) {
    const int status = status_of_child([&] { return exit_status_after(signal); });
    REQUIRE(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 130);
  }
}

TEST_CASE("a second interrupt ends the process at once") {
  const int status = status_of_child([] {
    catch_interrupts();
    raise(SIGINT);
    raise(SIGINT);
    return 0;
  });
  REQUIRE(WIFSIGNALED(status));
  CHECK(WTERMSIG(status) == SIGINT);
}

TEST_CASE("a process that does not ask ends when its grace is over") {
  const int status = status_of_child([] {
    catch_interrupts(1);
    raise(SIGTERM);
    for (;;) {
    }
    return 0;
  });
  REQUIRE(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 130);
}

TEST_CASE("without a signal nothing is interrupted") {
  CHECK_FALSE(interrupted());
  CHECK_NOTHROW(check_interrupt());
}

}  // namespace
