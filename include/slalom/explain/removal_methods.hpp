// Explanations by removing tokens: one additive score a token, in nats of log-odds.
#pragma once

#include "slalom/explain/explanation.hpp"

namespace slalom {

/// F(t) − F(t without i).
void explain_leave_one_out(BlackBox& f, const ExplainedText& text, const ExplainOptions& options,
                           Explanation& result);
/// Least-squares weights of presence, fitted to `budget` deletions of 0 … most_deleted random tokens.
void explain_linear_deletion(BlackBox& f, const ExplainedText& text, const ExplainOptions& options,
                             Explanation& result);
/// Shapley values by enumeration of all 2^n coalitions.
void explain_shapley_exact(BlackBox& f, const ExplainedText& text, const ExplainOptions& options,
                           Explanation& result);
/// Kernel SHAP with `budget` coalitions.
void explain_kernel_shap(BlackBox& f, const ExplainedText& text, const ExplainOptions& options,
                         Explanation& result);
/// Mean marginal contributions along random orders and their reverses, `budget` coalitions.
void explain_permutation_shap(BlackBox& f, const ExplainedText& text, const ExplainOptions& options,
                              Explanation& result);
/// Half the budget for a SLALOM fit, half for permutation sampling of what the SLALOM leaves; unbiased.
/// Absent tokens are deleted. Throws Error for a text without special tokens, which has no empty form.
void explain_controlled_shap(BlackBox& f, const ExplainedText& text, const ExplainOptions& options,
                             Explanation& result);

}  // namespace slalom
