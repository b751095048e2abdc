#include "slalom/explain/methods.hpp"

#include <numeric>

#include "slalom/base/error.hpp"

namespace slalom {

const std::vector<Method>& methods() {
  static const std::vector<Method> list = {slalom_exact(),
                                           slalom_eff(),
                                           slalom_fidel(),
                                           slalom_shapley_values(),
                                           leave_one_out(),
                                           linear_deletion(),
                                           shapley_exact(),
                                           kernel_shap(),
                                           permutation_shap(),
                                           controlled_shap(),
                                           lime(),
                                           gradient(),
                                           input_x_gradient(),
                                           integrated_gradients(),
                                           attn_lrp_relevance(),
                                           attention_rollout(),
                                           random_scores(),
                                           zero_scores()};
  return list;
}

const Method& method_named(const std::string& name) {
  for (const Method& m : methods())
    if (name == m.name) return m;
  throw UsageError("no method \"" + name + "\", wanted one of " + listed(methods(), &Method::name));
}

void set_token_scores(std::span<const double> of_tokens, const ExplainedText& text, Explanation& result) {
  set_linear_scores(text.summed(of_tokens), result);
  result.special = text.of_special(of_tokens);
  result.checks.emplace_back("special_tokens",
                             std::accumulate(result.special.begin(), result.special.end(), 0.0));
}

}  // namespace slalom
