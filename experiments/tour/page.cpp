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

void Page::paragraph(const std::string& prose, const std::string& start) {
  text_ += wrapped(prose, start);
  end_lines();
  html_ += "<p>" + escaped(start + prose) + "</p>\n";
}

void Page::end_lines() {
  if (lines_) html_ += "</pre>\n";
  lines_ = false;
}

void Page::end_answer() {
  end_lines();
  if (answers_) html_ += "</details>\n";
  answers_ = false;
}

void Page::title(const std::string& words) {
  html_ += "<h1>" + escaped(words) + "</h1>\n";
  text_ += words + "\n" + std::string(length(words), '=') + "\n";
}

void Page::section(const std::string& words, const std::string& shape) {
  const std::string left = slalom::concat("── ", ++sections_, ". ", words, " "),
                    right = shape.empty() ? "" : " " + shape + " ──";
  text_ += "\n" + left;
  for (std::size_t column = length(left) + length(right); column < kWidth; ++column) text_ += "─";
  text_ += right + "\n";
  end_answer();
  html_ +=
      slalom::concat("<h2>", sections_, ". ", escaped(words), " <small>", escaped(shape), "</small></h2>\n");
}

void Page::say(const std::string& prose) {
  paragraph(prose, "");
}

void Page::ask(const std::string& question) {
  text_ += wrapped(question, "  ? ");
  questions_.push_back(text_.size());
  end_answer();
  html_ += "<details>\n<summary>" + escaped(question) + "</summary>\n";
  answers_ = true;
}

void Page::end() {
  end_answer();
  text_ += "\n";
  say(slalom::concat(checks_ - failures_, " of ", checks_, " checks hold."));
}

void Page::lines(const std::string& block) {
  if (!lines_) html_ += "<pre tabindex=\"0\">";
  lines_ = true;
  std::istringstream in(block);
  for (std::string line; std::getline(in, line);) {
    line = (line.empty() ? "" : kIndent) + line + "\n";
    text_ += line;
    html_ += escaped(line, true);
  }
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
  paragraph(claim, holds ? "  ✓ " : "  ✗ ");
}

std::string Page::html() const {
  constexpr const char* kHead =
      "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width\">\n<title>One training step</title>\n<style>\n"
      ":root { color-scheme: light dark }\n"
      "body { max-width: 52rem; margin: 2rem auto; padding: 0 1rem; font: 1rem/1.5 serif }\n"
      "p { margin: .5rem 0 } pre { margin: .5rem 0; padding-bottom: .5rem; font: .85rem/1.45 monospace; "
      "overflow-x: auto }\n"
      "h2 { font-size: 1.15rem; margin: 2rem 0 .5rem } small { font-weight: normal }\n"
      "summary { cursor: pointer; font-style: italic }\n</style>\n<main>\n";
  return kHead + html_ + "</main>\n</html>\n";
}

}  // namespace slalom::tour
