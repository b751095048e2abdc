// The methods of explanation, one a file of src/explain. All explain F, the log-odds of a class, with special
// tokens kept.
#pragma once

#include "slalom/base/error.hpp"
#include "slalom/explain/explanation.hpp"

namespace slalom {

/// Identification: 2K − 1 texts of one and two tokens (with a background as identify_slalom() says), then
/// `budget` extra pairs for a least-squares refinement.
Method slalom_exact();
/// A fit to texts of `short_length` tokens, drawn from the text's distinct tokens; all of them where they are
/// no more than the budget.
Method slalom_eff();
/// A fit to deletions of 0 … most_deleted random tokens of the text.
Method slalom_fidel();
/// Shapley values, in closed form, of a SLALOM fitted to deletions of any number of tokens.
Method slalom_shapley_values();

/// F(t) − F(t without i).
Method leave_one_out();
/// Least-squares weights of presence, fitted to `budget` deletions of 0 … most_deleted random tokens.
Method linear_deletion();
/// Shapley values by enumeration of all 2^n coalitions.
Method shapley_exact();
/// Kernel SHAP with `budget` coalitions, by default 1000 or, if that is more, four for each unit.
Method kernel_shap();
/// Mean marginal contributions along random orders and their reverses, `budget` coalitions.
Method permutation_shap();
/// Half the budget for a SLALOM fit, half for permutation sampling of what the SLALOM leaves; unbiased. The
/// check "variance_ratio" sets it against permutation_shap() with the whole budget. Absent tokens are
/// deleted. Throws Error for a text without special tokens, which has no empty form.
Method controlled_shap();

/// LIME for texts (M. T. Ribeiro, S. Singh, C. Guestrin, "Why Should I Trust You?", KDD 2016): a ridge
/// regression on removals of any number of units, those nearest the text weighing most.
Method lime();
/// ‖∂F / ∂(word embedding)‖ of each unit.
Method gradient();
/// Inner product of the word embedding and ∂F / ∂(word embedding).
Method input_x_gradient();
/// Path integral of the gradient from a baseline to the text (M. Sundararajan, A. Taly, Q. Yan, "Axiomatic
/// Attribution for Deep Networks", ICML 2017), to a given completeness gap.
Method integrated_gradients();
/// Layer-wise relevance propagation with a record of where relevance is conserved: relevance.hpp.
Method attn_lrp_relevance();
/// Attention followed through all layers (S. Abnar, W. Zuidema, "Quantifying Attention Flow in Transformers",
/// ACL 2020).
Method attention_rollout();

/// What an explanation has to beat: numbers that know nothing of the model, and no numbers at all.
Method random_scores();
Method zero_scores();

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

/// Scores that all S tokens have as additive ones of the units; the special tokens' are kept apart, and their
/// sum is the check "special_tokens".
void set_token_scores(std::span<const double> of_tokens, const ExplainedText& text, Explanation& result);

}  // namespace slalom
