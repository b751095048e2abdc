#include "slalom/base/progress.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <utility>

#include "slalom/base/error.hpp"

namespace slalom {
namespace {

std::string two_digits(std::int64_t n) {
  return concat(n < 10 ? "0" : "", n);
}

/// mm:ss, from an hour on h:mm:ss.
std::string clock_time(double seconds) {
  const auto s = static_cast<std::int64_t>(std::round(seconds));
  const std::string hours = s < 3600 ? "" : concat(s / 3600, ":");
  return concat(hours, two_digits(s / 60 % 60), ":", two_digits(s % 60));
}

/// The longest start of at most `width` code points.
std::string_view first_code_points(std::string_view line, std::size_t width) {
  const auto starts_code_point = [](char c) { return (static_cast<unsigned char>(c) & 0xC0u) != 0x80u; };
  std::size_t seen = 0;
  const auto end = std::find_if(line.begin(), line.end(), [&](char c) {
    if (starts_code_point(c)) ++seen;
    return seen > width;
  });
  return line.substr(0, static_cast<std::size_t>(end - line.begin()));
}

bool can_rewrite_lines() {
  const char* term = std::getenv("TERM");
  return isatty(STDERR_FILENO) == 1 && (term == nullptr || std::string_view(term) != "dumb");
}

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// One less than the terminal has, since some terminals wrap as soon as the last column is written.
std::size_t line_width() {
  winsize size{};
  const bool known = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1;
  return known ? size.ws_col - 1u : 79u;
}

/// stderr is not buffered: one call is one write, which other output cannot split.
void write_stderr(const std::string& bytes) {
  std::fwrite(bytes.data(), 1, bytes.size(), stderr);
}

}  // namespace

std::string progress_line(const ProgressState& state, std::size_t width) {
  const auto& [label, done, total, detail, seconds, first] = state;
  std::string line = concat(label, "  ", done);
  if (total > 0) {
    line += concat("/", total, "  ", 100 * done / total, "%");
    if (done >= total)
      line += concat("  took ", clock_time(seconds));
    else if (done > first)
      line += concat(
          "  ", clock_time(seconds * static_cast<double>(total - done) / static_cast<double>(done - first)),
          " left");
  }
  if (!detail.empty()) line += concat("  ", detail);
  return std::string(first_code_points(line, width));
}

bool is_shown(ProgressMode mode) {
  return mode == ProgressMode::plain || (mode == ProgressMode::automatic && can_rewrite_lines());
}

Progress::Progress(ProgressMode mode, std::string label, std::int64_t total, std::int64_t first)
    : mode_(is_shown(mode) ? mode : ProgressMode::none),
      label_(std::move(label)),
      total_(total),
      first_(first),
      start_(now()),
      next_(start_) {}

void Progress::update(std::int64_t done, std::string_view detail) {
  if (mode_ == ProgressMode::none) return;
  done_ = done;
  detail_ = detail;
  pending_ = true;
  if (const double time = now(); time >= next_) show(time);
}

void Progress::begin_here() {
  first_ = done_;
  start_ = next_ = now();
}

void Progress::show(double now) {
  const ProgressState state{label_, done_, total_, detail_, now - start_, first_};
  if (mode_ == ProgressMode::plain)
    write_stderr(progress_line(state, std::numeric_limits<std::size_t>::max()) + "\n");
  else
    write_stderr(concat("\r", progress_line(state, line_width()), "\x1b[K"));
  next_ = now + (mode_ == ProgressMode::plain ? 10 : 0.1);
  pending_ = false;
  shown_ = true;
}

void Progress::finish() {
  if (mode_ == ProgressMode::plain && pending_) show(now());
  if (mode_ == ProgressMode::automatic && shown_) write_stderr("\r\x1b[K");
  pending_ = shown_ = false;
}

}  // namespace slalom
