#include "slalom/explain/methods.hpp"
#include "slalom/explain/published.hpp"

namespace slalom {

namespace {

void explain(BlackBox& f, const ExplainedText& text, const ExplainOptions& options, Explanation& result) {
  set_shapley_scores(kernel_shapley(text.players(), coalition_values(f, text, options.masking),
                                    *options.budget, options.seed),
                     *options.budget, result);
}

}  // namespace

Method kernel_shap() {
  return {.name = "kernel-shap",
          .summary = "Shapley values by weighted least squares",
          .default_budget = 1000,
          .uses = {"budget", "absence"},
          .explain = explain,
          .asks = Asks::coalitions,
          .as_published = published::kernel_shap,
          .published_budget = published::kSamples,
          .budget_each = 4};  // two determine the fit
}

}  // namespace slalom
