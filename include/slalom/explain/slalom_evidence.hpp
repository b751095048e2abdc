// What the fitted SLALOM methods share: the evidence that a fit is made of, and the fit as scores.
#pragma once

#include <set>
#include <vector>

#include "slalom/explain/explanation.hpp"
#include "slalom/surrogate/slalom.hpp"

namespace slalom {

/// A classifier answers the same text the same way, so a repeated question is no further evidence, and only
/// its first answer counts.
class SlalomEvidence {
 public:
  using Tokens = std::vector<Sample::Token>;
  explicit SlalomEvidence(const ExplainedText& text) { sample.tokens = text.distinct(); }

  /// Texts of the text's tokens.
  void add(BlackBox& f, const ExplainedText& text, const std::vector<Tokens>& asked);
  /// Deletions of the text.
  void add(BlackBox& f, const ExplainedText& text, const Coalitions& kept);

  Sample sample;

 private:
  void add(const Tokens& tokens, double answer);
  std::set<Tokens> seen_;
};

/// Scores, standard errors, checks and warnings of a fit to the sample.
void set_slalom_fit(const SlalomFit& fit, const Sample& sample, const ExplainedText& text,
                    Explanation& result);

/// A fit to deletions of 0 … most_deleted random tokens of the text, its values shrunk towards
/// options.prior where the black box can be opened; the passes that the prior takes are part of the budget.
void fit_slalom_to_deletions(BlackBox& f, const ExplainedText& text, const ExplainOptions& options,
                             Explanation& result);
/// The same with deletions of any number of tokens, which is what Shapley values average over.
void fit_slalom_of_all_sizes(BlackBox& f, const ExplainedText& text, const ExplainOptions& options,
                             Explanation& result);

/// F of the empty text, by the SLALOM's background or, without one, by the classifier.
double value_of_nothing(BlackBox& f, const ExplainedText& text, const SlalomScores& scores);

}  // namespace slalom
