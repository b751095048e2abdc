// How far a long computation is, on stderr only: one line that is rewritten, or few plain lines.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace slalom {

/// automatic: one rewritten line if stderr is a terminal and TERM is not "dumb", else nothing;
/// plain: a new line at most every 10 s, for logs; none: nothing.
enum class ProgressMode { automatic, plain, none };
/// Whether anything is shown.
bool is_shown(ProgressMode mode);

/// One moment of a computation; a total of 0 or less is unknown.
struct ProgressState {
  std::string_view label;
  std::int64_t done, total;
  std::string_view detail;
  double seconds;          // since the start
  std::int64_t first = 0;  // done before the start, by an earlier process
};

/// "training  120/340  35%  01:23 left  loss 0.41", cut to `width` code points, the detail first. Unknown
/// parts are left out; at the end "took 02:10" replaces the time left, which assumes an even pace.
std::string progress_line(const ProgressState& state, std::size_t width);

class Progress {
 public:
  /// `total` is in the unit of update()'s `done`, 0 if unknown; `first` was done before.
  Progress(ProgressMode mode, std::string label, std::int64_t total, std::int64_t first = 0);
  ~Progress() { finish(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// Shows the line if the last one is 0.1 s (plain: 10 s) old; cheap to call for every row.
  void update(std::int64_t done, std::string_view detail = {});
  /// What was done so far took no time: an earlier process did it. The next update() is shown.
  void begin_here();
  /// Erases the rewritten line, or adds the last plain line if update() held it back.
  void finish();

 private:
  void show(double now);

  ProgressMode mode_;
  std::string label_, detail_;
  std::int64_t total_, first_, done_ = 0;
  bool pending_ = false, shown_ = false;
  double start_, next_;  // seconds of a steady clock
};

}  // namespace slalom
