// What a run would cost (--dry-run).
#pragma once

#include "slalom/cli/classifier.hpp"

namespace slalom {

class Plan {
 public:
  Plan(const Method& method, const ExplainOptions& options) : method_(method), options_(options) {}

  /// Adds a text, for each class that is explained of it. The first text measures how fast a model answers; a
  /// program is not asked, for its answers may cost money.
  void add(const OpenedClassifier& classifier, const ExplainedText& text);
  /// {"texts","queries","token_forwards","tokens_per_second","seconds"}; seconds count the classifier's work
  /// alone. A program's rate and seconds are null.
  std::string json() const;
  std::string sentence() const;

 private:
  double seconds() const;

  const Method& method_;
  ExplainOptions options_;
  QueryCost cost_;
  Index texts_ = 0;
  double tokens_per_second_ = 0;  // NaN for a program
};

}  // namespace slalom
