#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <nlohmann/json.hpp>

#include "slalom/base/error.hpp"
#include "slalom/base/files.hpp"
#include "slalom/base/interrupt.hpp"
#include "slalom/base/json.hpp"
#include "slalom/base/numbers.hpp"
#include "slalom/explain/black_box.hpp"

namespace slalom {

namespace {

constexpr std::size_t kKeptComplaints = 2000;    // bytes of stderr shown in an error
constexpr std::size_t kLongestAnswer = 1 << 16;  // bytes

struct Pipe {
  FileDescriptor read, write;
};

// Neither end reaches programs that are started later.
Pipe open_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw_file_error("classifier command", "open a pipe to", errno);
  // Below 3 they would be the child's own stdin, stdout and stderr, which keep O_CLOEXEC.
  for (int& end : ends) {
    if (end > 2) continue;
    const int higher = ::fcntl(end, F_DUPFD_CLOEXEC, 3);
    if (higher < 0) throw_file_error("classifier command", "open a pipe to", errno);
    ::close(end);
    end = higher;
  }
  return {FileDescriptor(ends[0]), FileDescriptor(ends[1])};
}

// write() without the signal that a closed pipe raises: the caller reports it.
ssize_t write_quietly(int fd, std::string_view bytes) {
  sigset_t pipe_signal, before;
  ::sigemptyset(&pipe_signal);
  ::sigaddset(&pipe_signal, SIGPIPE);
  ::pthread_sigmask(SIG_BLOCK, &pipe_signal, &before);
  const ssize_t written = ::write(fd, bytes.data(), bytes.size());
  const int code = errno;
  const timespec at_once{};
  if (written < 0 && code == EPIPE) ::sigtimedwait(&pipe_signal, nullptr, &at_once);
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  errno = code;
  return written;
}

std::string how_it_ended(int status) {
  if (WIFSIGNALED(status)) return concat("was killed by signal ", WTERMSIG(status));
  return concat("ended with status ", WEXITSTATUS(status));
}

}  // namespace

ProgramAnswer parse_program_answer(std::string_view line, const std::string& where) {
  const Json json = parse_json(line, where);
  ProgramAnswer answer{require_number(json, "log_odds", where), optional_string(json, "bound", where, "")};
  if (!answer.bound.empty() && answer.bound != "upper" && answer.bound != "lower" && answer.bound != "both")
    throw Error(concat(where, ": field \"bound\": found ", json_string(answer.bound),
                       ", wanted \"upper\", \"lower\" or \"both\""));
  return answer;
}

// The running program. Questions are written while answers are read, so that neither side ever waits for a
// full pipe.
class CommandBlackBox::Child {
 public:
  Child(std::string command, double timeout)
      : command_(std::move(command)),
        timeout_(std::chrono::duration_cast<Clock::duration>(Seconds(timeout))) {
    start();
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  ~Child() {
    questions_.close();
    int status = 0;
    const bool ended = pid_ <= 0 || ended_within_a_second(status);
    ::kill(-guard_, SIGKILL);  // and what the program started and left
    ::waitpid(guard_, nullptr, 0);
    if (!ended) ::waitpid(pid_, nullptr, 0);
  }

  /// Adds to the counts.
  void ask(const std::string& questions, std::span<double> answers, Counts& counts) {
    std::size_t written = 0, received = 0;
    // Whether the first answer came before its question depends on who is faster: it is read as an answer.
    if (answered_ > 0) read_some(answers_, unread_);
    if (!unread_.empty()) fail_for_surplus();
    auto due = Clock::now() + timeout_;
    while (received < answers.size() || written < questions.size()) {
      exchange(questions, written, due);
      const std::size_t taken = take_answers(answers.subspan(received), counts);
      received += taken;
      if (taken > 0)
        due = Clock::now() + timeout_;
      else if (Clock::now() >= due)  // whatever else it does meanwhile
        fail(concat("no answer for ", Seconds(timeout_).count(), " s"));
      if (unread_.size() > kLongestAnswer && unread_.find('\n') == std::string::npos)
        fail(concat("an answer longer than ", kLongestAnswer, " bytes"));
      if (ended_ && (received < answers.size() || written < questions.size()))
        fail(concat("the program ", reap(), " after ", received, " of ", answers.size(), " answers"));
    }
    if (!unread_.empty()) fail_for_surplus();
  }

 private:
  using Clock = std::chrono::steady_clock;
  using Seconds = std::chrono::duration<double>;

  void start() {
    start_guard();
    Pipe questions = open_pipe(), answers = open_pipe(), complaints = open_pipe();
    pid_ = ::fork();
    if (pid_ < 0) throw_file_error(command_, "start", errno);
    if (pid_ == 0) {
      ::setpgid(0, guard_);
      ::signal(SIGPIPE, SIG_DFL);
      ::dup2(questions.read.get(), 0);
      ::dup2(answers.write.get(), 1);
      ::dup2(complaints.write.get(), 2);
      ::execl("/bin/sh", "sh", "-c", command_.c_str(), static_cast<char*>(nullptr));
      ::_exit(127);
    }
    ::setpgid(pid_, guard_);
    questions_ = std::move(questions.write);
    answers_ = std::move(answers.read);
    complaints_ = std::move(complaints.read);
    for (const FileDescriptor* end : {&questions_, &answers_, &complaints_})
      ::fcntl(end->get(), F_SETFL, O_NONBLOCK);
  }

  // A process that leads the group of the program and of all that it starts. However this process ends, even
  // by SIGKILL, its end of a pipe is closed: then the guard ends the group.
  void start_guard() {
    Pipe life = open_pipe();
    guard_ = ::fork();
    if (guard_ < 0) throw_file_error(command_, "start", errno);
    if (guard_ == 0) {
      ::setpgid(0, 0);
      ::dup2(life.read.get(), 0);
      ::close_range(1, ~0U, 0);  // its own copy of the other end, and files that others wait for
      char none;
      while (::read(0, &none, 1) < 0 && errno == EINTR) {
      }
      ::kill(0, SIGKILL);
    }
    ::setpgid(guard_, guard_);
    life_ = std::move(life.write);
  }

  // Waits until something moves, then writes what the program takes and reads what it gives.
  void exchange(const std::string& questions, std::size_t& written, Clock::time_point due) {
    std::array<pollfd, 3> ends = {{{answers_.get(), POLLIN, 0},
                                   {complaints_.get(), POLLIN, 0},
                                   {written < questions.size() ? questions_.get() : -1, POLLOUT, 0}}};
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(due - Clock::now()).count();
    const int moved = ::poll(ends.data(), ends.size(), static_cast<int>(std::max<std::int64_t>(left, 0)));
    check_interrupt();
    if (moved < 0 && errno != EINTR) throw_file_error(command_, "wait for", errno);
    if (moved <= 0) return;
    if (ends[2].revents != 0) {
      const ssize_t n = write_quietly(questions_.get(), std::string_view(questions).substr(written));
      if (n > 0) written += static_cast<std::size_t>(n);
      if (n < 0 && errno == EPIPE) ended_ = true;
    }
    if (ends[1].revents != 0 && !read_some(complaints_, last_words_)) complaints_ = FileDescriptor();
    if (last_words_.size() > kKeptComplaints) last_words_.erase(0, last_words_.size() - kKeptComplaints);
    if (ends[0].revents != 0 && !read_some(answers_, unread_)) ended_ = true;
  }

  // False at the end.
  static bool read_some(const FileDescriptor& from, std::string& to) {
    char bytes[1 << 16];
    const ssize_t n = ::read(from.get(), bytes, sizeof bytes);
    if (n > 0) to.append(bytes, static_cast<std::size_t>(n));
    return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
  }

  // Whole lines of what was read, as answers; how many there were.
  std::size_t take_answers(std::span<double> answers, Counts& counts) {
    std::size_t begin = 0, count = 0;
    for (std::size_t end; count < answers.size() && (end = unread_.find('\n', begin)) != std::string::npos;
         begin = end + 1)
      answers[count++] = answer_in(unread_.substr(begin, end - begin), counts);
    unread_.erase(0, begin);
    return count;
  }

  double answer_in(const std::string& line, Counts& counts) {
    ++answered_;
    try {
      const ProgramAnswer answer = parse_program_answer(line, concat("answer ", answered_));
      ++counts.answers;
      counts.upper += answer.bound == "upper";
      counts.lower += answer.bound == "lower";
      counts.both += answer.bound == "both";
      return answer.log_odds;
    } catch (const Error& e) {
      fail(e.what());
    }
  }

  std::string reap() {
    // It may have closed its output and go on; nothing more will come of it.
    questions_.close();
    int status = 0;
    if (!ended_within_a_second(status)) return "closed its output";
    pid_ = -1;
    return how_it_ended(status);
  }

  bool ended_within_a_second(int& status) const {
    for (int tries = 0; tries < 100; ++tries) {
      if (::waitpid(pid_, &status, WNOHANG) != 0) return true;
      ::poll(nullptr, 0, 10);
    }
    return false;
  }

  [[noreturn]] void fail_for_surplus() {
    fail("more answers than questions, the next one is " + json_string(unread_.substr(0, 60)));
  }

  [[noreturn]] void fail(const std::string& what) {
    while (complaints_.get() >= 0 && last_words_.size() < kKeptComplaints) {
      const std::size_t before = last_words_.size();
      if (!read_some(complaints_, last_words_) || last_words_.size() == before) break;
    }
    throw Error(concat("classifier command ", json_string(command_), ": ", what),
                last_words_.empty() ? "" : "it wrote to stderr: " + last_words_);
  }

  std::string command_, unread_, last_words_;
  Clock::duration timeout_;
  pid_t pid_ = -1, guard_ = -1;
  bool ended_ = false;
  Index answered_ = 0;
  FileDescriptor life_, questions_, answers_, complaints_;
};

CommandBlackBox::CommandBlackBox(std::string command, double timeout_seconds)
    : command_(std::move(command)), timeout_(timeout_seconds) {}
CommandBlackBox::~CommandBlackBox() = default;

std::vector<std::string> CommandBlackBox::warnings() const {
  const auto& [answers, upper, lower, both] = counts_;
  if (upper + lower + both == 0) return {};
  return {concat(upper + lower + both, " of ", answers, " answers are bounds: ", upper, " upper, ", lower,
                 " lower, ", both, " both (unknown); the explanation takes them for the log-odds")};
}

void CommandBlackBox::forget() {
  BlackBox::forget();
  counts_ = {};
}

void CommandBlackBox::query(const PackedTexts& texts, std::span<double> outputs) {
  std::string questions;
  for (Index b = 0; b < texts.texts(); ++b) {
    JsonRow question;
    question.field("input_ids", texts.text(b));
    if (const auto types = texts.types_of(b); !types.empty()) question.field("token_type_ids", types);
    questions += question.str() + '\n';
  }
  failed_ = true;  // until all is well
  if (child_ == nullptr) child_ = std::make_unique<Child>(command_, timeout_);
  child_->ask(questions, outputs, counts_);
  failed_ = false;
}

}  // namespace slalom
