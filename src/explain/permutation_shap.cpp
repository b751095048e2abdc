#include "slalom/explain/methods.hpp"

namespace slalom {

namespace {

void explain(BlackBox& f, const ExplainedText& text, const ExplainOptions& options, Explanation& result) {
  set_shapley_scores(permutation_shapley(text.players(), coalition_values(f, text, options.masking),
                                         *options.budget, options.seed),
                     *options.budget, result);
}

}  // namespace

Method permutation_shap() {
  return {"permutation-shap", "Shapley values along random orders", 1000, {"budget", "absence"}, explain,
          Asks::coalitions};
}

}  // namespace slalom
