// Every metric of the table, on one explained text.
#pragma once

#include "slalom/explain/explanation.hpp"
#include "slalom/metrics/metric.hpp"

namespace slalom {

struct EvaluationOptions {
  Index step = 1;       // tokens between two points of an insertion or deletion curve
  Index held_out = 10;  // random deletions for each of 1 … 10 removed tokens
  Absence absence;      // of tokens that a metric removes; the removal metrics of a SLALOM delete
  std::uint64_t seed = 0;
};

/// An explanation, and which of its scores (n) rank the tokens.
struct Evaluated {
  const Explanation& explanation;
  std::span<const double> scores;
};

/// The metric's value; NaN where the text leaves it undefined (one token, scores all equal). `given` (n) are
/// the scores to agree with: those above 0 are positive for roc-auc, tokens where they are NaN take no part.
/// Throws Error if a metric of agreement has none given.
double evaluate(const MetricInfo& metric, const Evaluated& evaluated, BlackBox& f, const ExplainedText& text,
                std::span<const double> given, const EvaluationOptions& options);

}  // namespace slalom
