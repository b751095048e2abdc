// The methods of explanation and what they share. All explain F, the log-odds of a class, with special tokens
// kept.
#pragma once

#include "slalom/base/error.hpp"
#include "slalom/explain/explanation.hpp"

namespace slalom {

// --- SLALOM (methods_slalom.cpp) ---------------------------------------------------------------------------

/// Identification: 2K − 1 texts of one and two tokens (with a background as identify_slalom() says), then
/// `budget` extra pairs for a least-squares refinement.
ExplainText slalom_exact;
/// A fit to texts of `short_length` tokens, drawn from the text's distinct tokens; all of them where they are
/// no more than the budget.
ExplainText slalom_eff;
/// A fit to deletions of 0 … most_deleted random tokens of the text, its values shrunk towards options.prior
/// where the black box gives gradient access; the passes that the prior takes are part of the budget.
ExplainText slalom_fidel;
/// Shapley values, in closed form, of a SLALOM fitted to deletions of any number of tokens, which is what
/// Shapley values average over.
ExplainText slalom_shapley_values;
/// Half the budget for such a fit, half for permutation sampling of what the SLALOM leaves; unbiased. The
/// check "variance_ratio" sets it against permutation_shap() with the whole budget. Absent tokens are
/// deleted. Throws Error for a text without special tokens, which has no empty form.
ExplainText controlled_shap;

// --- Deletions (methods_deletion.cpp) ----------------------------------------------------------------------

/// F(t) − F(t without i).
ExplainText leave_one_out;
/// Least-squares weights of presence, fitted to `budget` deletions of 0 … most_deleted random tokens.
ExplainText linear_deletion;
/// LIME for texts (M. T. Ribeiro, S. Singh, C. Guestrin, "Why Should I Trust You?", KDD 2016): a ridge
/// regression on removals of any number of units, those nearest the text weighing most.
ExplainText lime;
/// Shapley values by enumeration of all 2^n coalitions.
ExplainText shapley_exact;
/// Kernel SHAP with `budget` coalitions, by default 1000 or, if that is more, four for each unit.
ExplainText kernel_shap;
/// Mean marginal contributions along random orders and their reverses, `budget` coalitions.
ExplainText permutation_shap;

// --- Gradient access (methods_gradient.cpp, integrated_gradients.cpp) --------------------------------------

/// ‖∂F / ∂(word embedding)‖ of each unit.
ExplainText gradient;
/// Inner product of the word embedding and ∂F / ∂(word embedding).
ExplainText input_x_gradient;
/// Path integral of the gradient from a baseline to the text (M. Sundararajan, A. Taly, Q. Yan, "Axiomatic
/// Attribution for Deep Networks", ICML 2017), to a given completeness gap.
ExplainText integrated_gradients;
/// Layer-wise relevance propagation with a record of where relevance is conserved: relevance.hpp.
ExplainText attn_lrp_relevance;
/// Attention followed through all layers (S. Abnar, W. Zuidema, "Quantifying Attention Flow in Transformers",
/// ACL 2020).
ExplainText attention_rollout;

// --- What methods share ------------------------------------------------------------------------------------

/// What methods that fit deletions query: the whole text, and `budget` − 1 deletions of 1 … most_deleted
/// tokens in turn, half of them of more if options.larger_too; at least one token is kept unless
/// `may_be_empty`.
Coalitions query_deletions(const ExplainedText& text, Index budget, const ExplainOptions& options,
                           bool may_be_empty);
/// Deletions of the text with F of each, over its distinct tokens; and other texts of these appended.
Sample deletion_sample(BlackBox& f, const ExplainedText& text, const Coalitions& kept);
void add_queries(BlackBox& f, const ExplainedText& text, const std::vector<std::vector<Sample::Token>>& texts,
                 Sample& to);

/// A SLALOM over the text's distinct tokens as scores of its n tokens; sets scores and predict.
void set_slalom_scores(const SlalomModel& model, const ExplainedText& text, Explanation& result);
/// Additive scores; sets scores and predict. log_odds must have been set.
void set_linear_scores(std::vector<double> weight, Explanation& result);
/// Shapley values as additive scores, with their checks.
void set_shapley_scores(const ShapleyEstimate& estimate, Index budget, Explanation& result);
/// Scores that all S tokens have as additive ones of the units; the special tokens' are kept apart, and their
/// sum is the check "special_tokens".
void set_token_scores(std::span<const double> of_tokens, const ExplainedText& text, Explanation& result);

/// body(transformer, target) for the transformer behind f. Throws Error naming the method if there is none.
template <class Body>
auto with_gradient_access(BlackBox& f, const std::string& method, const Body& body) {
  const GradientAccess inside = f.gradient_access();
  if (const auto* narrow = std::get_if<Classifier<float>*>(&inside.transformer))
    return body(**narrow, inside.target);
  if (const auto* wide = std::get_if<Classifier<double>*>(&inside.transformer))
    return body(**wide, inside.target);
  throw Error("[" + method + "] a classifier command can only be asked, wanted a model folder");
}

}  // namespace slalom
