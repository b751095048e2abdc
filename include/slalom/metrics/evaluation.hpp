// Every metric of the table, on one explained text.
#pragma once

#include "slalom/explain/explanation.hpp"
#include "slalom/metrics/metric.hpp"

namespace slalom {

struct EvaluationOptions {
  Index step = 1;       // tokens between two points of an insertion or deletion curve
  Index held_out = 10;  // random deletions for each of 1 … 10 removed tokens
  Masking masking;      // of tokens that a metric removes; the removal metrics of a SLALOM delete
  std::uint64_t seed = 0;
  std::optional<bool> is_target{};  // the text's true label is the explained class; empty: it has none
};

/// An explanation, and which of its scores (n) rank the tokens.
struct Evaluated {
  const Explanation& explanation;
  std::span<const double> scores;
  bool importances = false;  // these are a SLALOM's importances, which have no sign
};

/// The metric's value; NaN where the text leaves it undefined (one token, scores all equal). `given` (n) are
/// the scores to agree with: those above 0 are positive for roc-auc, tokens where they are NaN take no part.
/// The published metrics are those of metrics/published.hpp with the explained class in the place of class 1;
/// for them a token counts at its first place, whatever it is (NaN where punctuation is to be left out).
/// Throws Error if a metric of agreement has none given, and if a metric that needs the text's true label has
/// none.
double evaluate(const MetricInfo& metric, const Evaluated& evaluated, BlackBox& f, const ExplainedText& text,
                std::span<const double> given, const EvaluationOptions& options);

}  // namespace slalom
