#include "process.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <thread>

#include "slalom/base/files.hpp"

namespace slalom::test {

namespace {

using Clock = std::chrono::steady_clock;
namespace fs = std::filesystem;

// Streams are files in memory, so that neither side ever waits for the other.
FileDescriptor memory_file(const std::string& bytes = {}) {
  FileDescriptor file(memfd_create("stream", MFD_CLOEXEC));
  if (file.get() < 0 || write(file.get(), bytes.data(), bytes.size()) != std::ssize(bytes))
    throw std::runtime_error("cannot make a file in memory");
  lseek(file.get(), 0, SEEK_SET);
  return file;
}

std::string contents(const FileDescriptor& file) {
  std::string bytes(static_cast<std::size_t>(lseek(file.get(), 0, SEEK_END)), '\0');
  if (pread(file.get(), bytes.data(), bytes.size(), 0) != std::ssize(bytes))
    throw std::runtime_error("cannot read a file in memory");
  return bytes;
}

FileDescriptor open_stdout(const ProcessOptions& options) {
  if (!options.stdout_file.empty())
    return FileDescriptor(open(options.stdout_file.c_str(), O_WRONLY | O_CLOEXEC));
  if (!options.closed_pipe) return memory_file();
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("cannot make a pipe");
  close(ends[0]);
  return FileDescriptor(ends[1]);
}

std::vector<char*> pointers(std::vector<std::string>& list) {
  std::vector<char*> out;
  for (std::string& item : list) out.push_back(item.data());
  out.push_back(nullptr);
  return out;
}

std::vector<std::string> environment_with(const std::vector<std::string>& added) {
  std::vector<std::string> list = added;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string variable = *entry, name = variable.substr(0, variable.find('=') + 1);
    if (std::ranges::none_of(added, [&](const std::string& a) { return a.starts_with(name); }))
      list.push_back(variable);
  }
  return list;
}

pid_t start(std::vector<std::string> command, const std::vector<std::string>& environment, int in, int out,
            int err) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, err, STDERR_FILENO);
  std::vector<std::string> variables = environment_with(environment);
  pid_t child = 0;
  const int code = posix_spawnp(&child, command[0].c_str(), &actions, nullptr, pointers(command).data(),
                                pointers(variables).data());
  posix_spawn_file_actions_destroy(&actions);
  if (code != 0) throw std::runtime_error("cannot start " + command[0]);
  return child;
}

int wait_for(pid_t child, Kill kill_request) {
  using Milliseconds = std::chrono::duration<double, std::milli>;
  const Clock::time_point started = Clock::now();
  Clock::time_point due = Clock::time_point::max();
  for (bool slow = false;; std::this_thread::sleep_for(std::chrono::microseconds(200))) {
    int status = 0;
    if (waitpid(child, &status, WNOHANG) == child) {
      if (slow) throw std::runtime_error("a child process did not end within a minute");
      return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    }
    const Clock::time_point now = Clock::now();
    const bool seen = !kill_request.when || kill_request.when();
    if (kill_request.signal != 0 && due == Clock::time_point::max() && seen)
      due = now + std::chrono::duration_cast<Clock::duration>(Milliseconds(kill_request.after_ms));
    if (kill_request.signal != 0 && now >= due) {
      kill(child, kill_request.signal);
      kill_request.signal = 0;
    }
    if (!slow && now - started > std::chrono::minutes(1)) {
      kill(child, SIGKILL);
      slow = true;
    }
  }
}

}  // namespace

Finished run_process(const std::vector<std::string>& command, const ProcessOptions& options) {
  const FileDescriptor in = memory_file(options.input), err = memory_file();
  FileDescriptor out = open_stdout(options);
  const pid_t child = start(command, options.environment, in.get(), out.get(), err.get());
  Finished finished{wait_for(child, options.kill), {}, contents(err)};
  if (options.stdout_file.empty() && !options.closed_pipe) finished.out = contents(out);
  return finished;
}

std::string program_beside(const char* name) {
  return fs::read_symlink("/proc/self/exe").parent_path().parent_path() / name;
}

std::string slalom_binary() {
  if (const char* path = std::getenv("SLALOM_BIN")) return path;
  return program_beside("slalom");
}

Finished run_slalom(std::vector<std::string> arguments, const ProcessOptions& options) {
  arguments.insert(arguments.begin(), slalom_binary());
  return run_process(arguments, options);
}

std::vector<std::string> files_in(const std::string& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) names.push_back(entry.path().filename());
  std::ranges::sort(names);
  return names;
}

}  // namespace slalom::test
