#include "slalom/explain/methods.hpp"

#include <algorithm>
#include "slalom/base/error.hpp"
#include "slalom/explain/slalom_evidence.hpp"
#include "slalom/surrogate/closed_form_shapley.hpp"

namespace slalom {

namespace {

void explain(BlackBox& f, const ExplainedText& text, const ExplainOptions& options, Explanation& result) {
  if (!text.has_empty_text())
    throw Error("[controlled-shap] tokens are deleted, and a text without special tokens has no empty form",
                "permutation-shap can replace them instead: --absence mask --mask-id N");
  ExplainOptions half = options;
  half.budget = std::max<Index>(1, *options.budget / 2);
  Explanation fitted;
  fit_slalom_of_all_sizes(f, text, half, fitted);
  const auto& slalom = std::get<SlalomScores>(fitted.scores);
  const ValueFunction values = coalition_values(f, text, {});
  const double empty = value_of_nothing(f, text, slalom);
  const ValueFunction control = [&](const Coalitions& coalitions) {
    std::vector<double> predicted;
    for (Index i = 0; i < coalitions.size(); ++i) {
      const bool nothing = std::ranges::count(coalitions.row(i), 0) == coalitions.players;
      predicted.push_back(nothing ? empty : fitted.predict(coalitions.row(i)));
    }
    return predicted;
  };
  const ControlledEstimate found =
      controlled_shapley(text.players(), values, control,
                         slalom_shapley(slalom.value, slalom.importance, slalom.background, empty),
                         *half.budget, *options.budget, options.seed);
  set_shapley_scores(found.estimate, *half.budget, result);
  result.checks.emplace_back("variance_ratio", found.variance_ratio);
  result.warnings = fitted.warnings;
}

}  // namespace

Method controlled_shap() {
  return {"controlled-shap",
          "the same with a SLALOM as control variate",
          1000,
          {"budget", "background", "prior", "positions"},
          explain,
          Asks::coalitions};
}

}  // namespace slalom
