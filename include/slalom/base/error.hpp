// The one exception of the library, and the exit statuses it turns into.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

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

namespace detail {

/// What concat() joins: a text, which it does not own, or a number.
class Part {
 public:
  Part(std::string_view text) : text_(text) {}
  Part(const std::string& text) : text_(text) {}
  Part(const char* text) : text_(text) {}
  Part(char character) : kind_(Kind::character), integer_(character) {}
  template <std::integral Integer>
  Part(Integer number)
      : kind_(std::signed_integral<Integer> ? Kind::integer : Kind::natural),
        integer_(static_cast<std::int64_t>(number)) {}
  Part(double number) : kind_(Kind::real), real_(number) {}

  void append_to(std::string& out) const;

 private:
  enum class Kind { text, character, integer, natural, real };
  Kind kind_ = Kind::text;
  union {
    std::string_view text_;
    std::int64_t integer_;
    double real_;
  };
};
std::string joined(std::initializer_list<Part> parts);

}  // namespace detail

/// Joins its arguments as text: concat("width ", 7) is "width 7". Six digits of a number with a point.
template <class... Parts>
std::string concat(const Parts&... parts) {
  return detail::joined({detail::Part(parts)...});
}

/// "a, b, c", each what `projection` gives of an item.
template <class Range, class Projection = std::identity>
std::string listed(const Range& items, const Projection& projection = {}) {
  std::string list;
  const auto add = [&list](const auto& item) {
    if (!list.empty()) list += ", ";
    list += item;
  };
  std::ranges::for_each(items, add, projection);
  return list;
}

}  // namespace slalom
