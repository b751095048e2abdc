#include "slalom/base/progress.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "slalom/base/files.hpp"

namespace {

using namespace slalom;

constexpr std::size_t kWide = 200;

/// Runs body() with stderr going to the descriptor `target`.
template <class Body>
void with_stderr(int target, const Body& body) {
  const int saved = dup(STDERR_FILENO);
  dup2(target, STDERR_FILENO);
  body();
  dup2(saved, STDERR_FILENO);
  close(saved);
}

template <class Body>
std::string written_to_file(const Body& body) {
  std::FILE* file = std::tmpfile();
  REQUIRE(file != nullptr);
  with_stderr(fileno(file), body);
  std::rewind(file);
  std::string out;
  for (int c = 0; (c = std::fgetc(file)) != EOF;) out += static_cast<char>(c);
  std::fclose(file);
  return out;
}

/// False, and says so, where the system has no pseudo-terminals (a bare chroot).
bool has_terminals() {
  const FileDescriptor master(posix_openpt(O_RDWR | O_NOCTTY));
  const bool found = master.get() >= 0 && ptsname(master.get()) != nullptr &&
                     access(ptsname(master.get()), R_OK | W_OK) == 0;
  if (!found) MESSAGE("skipped: there are no pseudo-terminals");
  return found;
}

/// The same on a pseudo-terminal with 30 columns.
template <class Body>
std::string written_to_terminal(const char* term, const Body& body) {
  const int master = posix_openpt(O_RDWR | O_NOCTTY);
  REQUIRE(master >= 0);
  REQUIRE(grantpt(master) == 0);
  REQUIRE(unlockpt(master) == 0);
  const int slave = open(ptsname(master), O_RDWR | O_NOCTTY);
  REQUIRE(slave >= 0);
  const winsize size{24, 30, 0, 0};
  ioctl(slave, TIOCSWINSZ, &size);
  const char* old_term = std::getenv("TERM");
  const std::string saved = old_term == nullptr ? "" : old_term;
  setenv("TERM", term, 1);
  with_stderr(slave, body);
  if (old_term == nullptr)
    unsetenv("TERM");
  else
    setenv("TERM", saved.c_str(), 1);
  // What is written arrives at the other side some time later, so an end mark says when all of it has.
  constexpr char kEnd = '$';
  REQUIRE(write(slave, &kEnd, 1) == 1);
  std::string out;
  for (char c = 0; read(master, &c, 1) == 1 && c != kEnd;) out += c;
  close(slave);
  close(master);
  return out;
}

TEST_CASE("a line shows label, count, percent, time left and detail") {
  // 60 s for 120 rows: the other 220 take 110 s.
  CHECK(progress_line({"training", 120, 340, "loss 0.41", 60}, kWide) ==
        "training  120/340  35%  01:50 left  loss 0.41");
  // Resumed at 900: 50 steps took 10 s, so the other 50 take 10 s.
  CHECK(progress_line({"training", 950, 1000, "", 10, 900}, kWide) == "training  950/1000  95%  00:10 left");
  CHECK(progress_line({"training", 0, 340, "", 1}, kWide) == "training  0/340  0%");
  CHECK(progress_line({"training", 340, 340, "loss 0.4", 130.4}, kWide) ==
        "training  340/340  100%  took 02:10  loss 0.4");
  CHECK(progress_line({"reading", 7, 0, "a.tsv", 3}, kWide) == "reading  7  a.tsv");
}

TEST_CASE("from an hour on the time has hours, and 59.6 s are a minute") {
  CHECK(progress_line({"x", 1, 2, "", 3599.7}, kWide) == "x  1/2  50%  1:00:00 left");
  CHECK(progress_line({"x", 1, 2, "", 36062}, kWide) == "x  1/2  50%  10:01:02 left");
  CHECK(progress_line({"x", 1, 2, "", 59.6}, kWide) == "x  1/2  50%  01:00 left");
}

TEST_CASE("a line is cut to the width in code points, never inside one") {
  CHECK(progress_line({"größer", 1, 0, "", 0}, 4) == "größ");
  CHECK(progress_line({"größer", 1, 0, "", 0}, 9) == "größer  1");
  CHECK(progress_line({"größer", 1, 0, "", 0}, 0).empty());
}

TEST_CASE("plain progress writes the first line, holds others back and adds the last once") {
  const std::string out = written_to_file([] {
    Progress progress(ProgressMode::plain, "rows", 4);
    for (int done = 1; done <= 4; ++done) progress.update(done, "ok");
    progress.finish();
    progress.finish();
  });
  CHECK(out == "rows  1/4  25%  00:00 left  ok\nrows  4/4  100%  took 00:00  ok\n");
}

TEST_CASE("what an earlier process did is no pace") {
  const std::string out = written_to_file([] {
    Progress progress(ProgressMode::plain, "rows", 4);
    progress.update(2);
    progress.begin_here();
    progress.update(2);
  });
  CHECK(out == "rows  2/4  50%  00:00 left\nrows  2/4  50%\n");
}

TEST_CASE("progress writes nothing when it is off, or when stderr is not a terminal") {
  for (const ProgressMode mode : {ProgressMode::none, ProgressMode::automatic})
    CHECK(written_to_file([&] { Progress(mode, "rows", 4).update(1, "ok"); }).empty());
}

TEST_CASE("a terminal gets one line within its width, which is erased at the end") {
  if (!has_terminals()) return;
  const auto one_row = [] { Progress(ProgressMode::automatic, "rows", 4).update(1, "a detail that is cut"); };
  CHECK(written_to_terminal("xterm", one_row) == "\rrows  1/4  25%  00:00 left  a\x1b[K\r\x1b[K");
  CHECK(written_to_terminal("dumb", one_row).empty());
}

TEST_CASE("a terminal gets at most ten lines a second") {
  if (!has_terminals()) return;
  std::chrono::duration<double> elapsed{};
  const std::string out = written_to_terminal("xterm", [&] {
    const auto start = std::chrono::steady_clock::now();
    Progress progress(ProgressMode::automatic, "rows", 10000);
    for (int done = 0; done < 10000; ++done) progress.update(done);
    progress.finish();
    elapsed = std::chrono::steady_clock::now() - start;
  });
  const auto lines = std::count(out.begin(), out.end(), '\r') - 1;  // the last one erases
  CHECK(lines >= 1);
  CHECK(static_cast<double>(lines) <= 1 + elapsed.count() / 0.1);
}

}  // namespace
