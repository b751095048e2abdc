// What the tour prints: prose, formulas, rows of numbers, and checks that decide the exit status.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "slalom/report/table.hpp"

namespace slalom::tour {

/// `decimals` digits after the point, without the sign of a zero.
std::string number(double x, int decimals = 3);

/// A text of at most 80 columns, collected and handed out at the end.
class Page {
 public:
  void title(const std::string& words);
  /// A heading with the next number, and the shape of what the section computes.
  void section(const std::string& words, const std::string& shape = "");
  /// A paragraph, broken into lines.
  void say(const std::string& prose);
  /// A question, whose answer is what follows up to the next section.
  void ask(const std::string& question);
  /// Lines as they are, indented.
  void lines(const std::string& block);
  /// A label, a row of numbers, and what is to be said about them.
  void row(const std::string& label, std::span<const double> numbers, const std::string& note = "");
  void table(const Table& table);
  /// A claim that holds if `difference` is at most `tolerance`; NaN does not.
  void check(const std::string& claim, double difference, double tolerance = 1e-12);
  /// A claim that is true or false.
  void check(const std::string& claim, bool holds);
  /// How many checks hold; nothing follows.
  void end();

  const std::string& text() const { return text_; }
  /// Where the text stands behind each question.
  const std::vector<std::size_t>& questions() const { return questions_; }
  /// The same page for a browser, with answers that open; fit after end().
  std::string html() const;
  int failures() const { return failures_; }

 private:
  void paragraph(const std::string& prose, const std::string& start);
  void end_lines();
  void end_answer();

  std::string text_, html_;
  std::vector<std::size_t> questions_;
  bool lines_ = false, answers_ = false;  // what is added stands in lines, is a question's answer
  int sections_ = 0, checks_ = 0, failures_ = 0;
};

}  // namespace slalom::tour
