#include "page.hpp"

#include <algorithm>
#include <sstream>

#include "../support/experiment.hpp"
#include "slalom/base/error.hpp"
#include "slalom/base/numbers.hpp"
#include "slalom/report/visible_text.hpp"

namespace slalom::tour {

namespace {

constexpr std::size_t kWidth = 80, kLabel = 15, kNumber = 7;
constexpr const char* kIndent = "  ";

std::size_t length(const std::string& utf8) {
  return static_cast<std::size_t>(terminal_columns(utf8));
}

std::string spaces(std::size_t width, const std::string& content) {
  return std::string(width - std::min(width, length(content)), ' ');
}

// Lines of at most kWidth columns; the first begins with `start`, the others are indented as far.
std::string wrapped(const std::string& prose, const std::string& start) {
  std::string out, before = start;
  for (const std::string& line : experiment::wrapped(prose, static_cast<Index>(kWidth - length(start)))) {
    out += before + line + "\n";
    before = std::string(length(start), ' ');
  }
  return out;
}

}  // namespace

std::string number(double x, int decimals) {
  const std::string digits = fixed(x, decimals);
  const bool zero = digits.find_first_not_of("-0.") == std::string::npos;
  return zero && digits.front() == '-' ? digits.substr(1) : digits;
}

void Page::title(const std::string& words) {
  text_ += words + "\n" + std::string(length(words), '=') + "\n";
}

void Page::section(const std::string& words, const std::string& shape) {
  const std::string left = slalom::concat("── ", ++sections_, ". ", words, " "),
                    right = shape.empty() ? "" : " " + shape + " ──";
  text_ += "\n" + left;
  for (std::size_t column = length(left) + length(right); column < kWidth; ++column) text_ += "─";
  text_ += right + "\n";
}

void Page::say(const std::string& prose) {
  text_ += wrapped(prose, "");
}

void Page::lines(const std::string& block) {
  std::istringstream in(block);
  for (std::string line; std::getline(in, line);) text_ += (line.empty() ? "" : kIndent) + line + "\n";
}

void Page::row(const std::string& label, std::span<const double> numbers, const std::string& note) {
  std::string line = label + spaces(kLabel, label);
  for (const double x : numbers) line += spaces(kNumber, number(x)) + number(x);
  lines(line + (note.empty() ? "" : "   " + note));
}

void Page::table(const Table& table) {
  lines(table.text());
}

void Page::check(const std::string& claim, double difference, double tolerance) {
  const std::string agreement = difference == 0 ? "exactly" : "to " + significant(difference, 2);
  check(claim + ", " + agreement, difference <= tolerance);
}

void Page::check(const std::string& claim, bool holds) {
  ++checks_;
  failures_ += holds ? 0 : 1;
  text_ += wrapped(claim, holds ? "  ✓ " : "  ✗ ");
}

}  // namespace slalom::tour
