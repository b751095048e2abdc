#include "traced.hpp"

#include <fcntl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdint>
#include <stdexcept>

namespace slalom::test {

namespace {

constexpr std::uint64_t kNaming[] = {
#ifdef SYS_rename
    SYS_rename,    SYS_unlink,   SYS_rmdir,
#endif
    SYS_renameat2, SYS_unlinkat,
};

[[noreturn]] void start_traced(std::vector<std::string> command) {
  std::vector<char*> arguments;
  for (std::string& word : command) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  const int nothing = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
  ::dup2(nothing, STDOUT_FILENO);
  ::dup2(nothing, STDERR_FILENO);
  // A tracer is what the leak checker would be itself.
  ::setenv("ASAN_OPTIONS", "detect_leaks=0", 1);
  if (::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) ::_exit(126);
  ::raise(SIGSTOP);
  ::execv(arguments[0], arguments.data());
  ::_exit(127);
}

bool is_before_naming(pid_t thread) {
  __ptrace_syscall_info info{};
  if (::ptrace(PTRACE_GET_SYSCALL_INFO, thread, sizeof info, &info) <= 0) return false;
  return info.op == PTRACE_SYSCALL_INFO_ENTRY &&
         std::ranges::find(kNaming, info.entry.nr) != std::end(kNaming);
}

}  // namespace

std::optional<int> run_in_steps(const std::vector<std::string>& command, const std::function<bool()>& look) {
  const pid_t child = ::fork();
  if (child < 0) throw std::runtime_error("cannot start " + command[0]);
  if (child == 0) start_traced(command);
  int status = 0;
  ::waitpid(child, &status, 0);
  if (!WIFSTOPPED(status)) return std::nullopt;
  ::ptrace(PTRACE_SETOPTIONS, child, nullptr,
           PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_EXITKILL);
  ::ptrace(PTRACE_SYSCALL, child, nullptr, nullptr);
  for (;;) {
    const pid_t thread = ::waitpid(-1, &status, __WALL);
    if (thread == child && !WIFSTOPPED(status))
      return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    if (!WIFSTOPPED(status)) continue;
    const int stop = WSTOPSIG(status);
    if (stop == (SIGTRAP | 0x80) && is_before_naming(thread) && !look()) ::kill(child, SIGKILL);
    const bool is_own = (stop & ~0x80) == SIGTRAP || stop == SIGSTOP;  // of tracing, not of the program
    ::ptrace(PTRACE_SYSCALL, thread, nullptr, is_own ? 0 : stop);
  }
}

}  // namespace slalom::test
