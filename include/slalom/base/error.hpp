// The one exception of the library, and the exit statuses it turns into.
#pragma once

#include <functional>
#include <sstream>
#include <stdexcept>
#include <string>

namespace slalom {

/// What the process returns; the numbers are the command line's contract.
enum class ExitStatus : int {
  done = 0,
  check_failed = 1,
  usage = 2,
  bad_input = 3,
  incomplete = 4,
  interrupted = 130
};

/// A message that names the file or function, the field, what was found and what was wanted; an optional
/// hint says what to do about it. The command line prints `error: message` and `hint: hint`.
class Error : public std::runtime_error {
 public:
  explicit Error(const std::string& message, std::string hint = {}, ExitStatus status = ExitStatus::bad_input)
      : std::runtime_error(message), hint_(std::move(hint)), status_(status) {}
  const std::string& hint() const noexcept { return hint_; }
  ExitStatus status() const noexcept { return status_; }

 private:
  std::string hint_;
  ExitStatus status_;
};

/// A wrong command line: unknown option, value out of range (exit status 2).
class UsageError : public Error {
 public:
  explicit UsageError(const std::string& message, std::string hint = {})
      : Error(message, std::move(hint), ExitStatus::usage) {}
};

/// Joins its arguments as text: concat("width ", 7) is "width 7".
template <class... Parts>
std::string concat(const Parts&... parts) {
  std::ostringstream out;
  (out << ... << parts);
  return out.str();
}

/// "a, b, c", each what `projection` gives of an item.
template <class Range, class Projection = std::identity>
std::string listed(const Range& items, const Projection& projection = {}) {
  std::string list;
  for (const auto& item : items) {
    if (!list.empty()) list += ", ";
    list += std::invoke(projection, item);
  }
  return list;
}

}  // namespace slalom
