// The SLALOM explanations (paper, section 5): what each asks the classifier, and the fit to the answers.
#pragma once

#include "slalom/explain/explanation.hpp"

namespace slalom {

/// Identification: 2K − 1 texts of one and two tokens (with a background as identify_slalom() says), then
/// `budget` extra pairs for a least-squares polish.
void explain_slalom_exact(BlackBox& f, const ExplainedText& text, const ExplainOptions& options,
                          Explanation& result);
/// A fit to texts of `short_length` tokens, drawn from the text's distinct tokens; all of them where they are
/// no more than the budget. With a background up to half of the budget goes to the empty text and single
/// tokens.
void explain_slalom_eff(BlackBox& f, const ExplainedText& text, const ExplainOptions& options,
                        Explanation& result);
/// A fit to deletions of 0 … most_deleted random tokens of the text. With a background up to a quarter of the
/// budget goes to the empty text and single tokens, which weigh 1e-4 of a deletion: deletions are all nearly
/// as long as the text and hardly tell a background from tokens that share it.
void explain_slalom_fidel(BlackBox& f, const ExplainedText& text, const ExplainOptions& options,
                          Explanation& result);
/// A fit to deletions of any number of tokens, which is what Shapley values average over.
void fit_slalom_of_all_sizes(BlackBox& f, const ExplainedText& text, const ExplainOptions& options,
                             Explanation& result);
/// Shapley values of that SLALOM, in closed form.
void explain_slalom_shapley(BlackBox& f, const ExplainedText& text, const ExplainOptions& options,
                            Explanation& result);

}  // namespace slalom
