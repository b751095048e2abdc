#include "slalom/explain/removal_methods.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "slalom/base/error.hpp"
#include "slalom/explain/shapley.hpp"
#include "slalom/explain/slalom_methods.hpp"
#include "slalom/surrogate/linear.hpp"
#include "slalom/surrogate/shapley.hpp"

namespace slalom {

namespace {

void take(const ShapleyEstimate& estimate, Index budget, Explanation& result) {
  set_linear_scores(estimate.value, result);
  if (!estimate.exact) std::get<LinearScores>(result.scores).standard_error = estimate.standard_error;
  const double sum = std::accumulate(estimate.value.begin(), estimate.value.end(), 0.0);
  result.checks.emplace_back("efficiency_gap", sum - (estimate.full - estimate.empty));
  result.checks.emplace_back("log_odds_empty", estimate.empty);
  result.checks.emplace_back("coalitions", static_cast<double>(estimate.coalitions));
  result.checks.emplace_back("exact", estimate.exact ? 1 : 0);
  if (estimate.exact) return;
  result.checks.emplace_back("largest_standard_error", std::ranges::max(estimate.standard_error));
  if (estimate.coalitions - 2 > budget)
    result.warnings.push_back(text("the least that can be asked are ", estimate.coalitions - 2,
                                   " coalitions, more than the budget of ", budget));
  if (std::ranges::any_of(estimate.standard_error, [](double e) { return std::isnan(e); }))
    result.warnings.emplace_back("one draw has no standard error: a larger budget has");
}

}  // namespace

void explain_leave_one_out(BlackBox& f, const ExplainedText& text, const ExplainOptions& options,
                           Explanation& result) {
  const Index n = text.players();
  Coalitions kept{n, std::vector<std::uint8_t>(static_cast<std::size_t>(n * n), 1)};
  for (Index i = 0; i < n; ++i) kept.member[static_cast<std::size_t>(i * n + i)] = 0;
  std::vector<double> weight = coalition_values(f, text, options.absence)(kept);
  for (double& w : weight) w = result.log_odds - w;
  set_linear_scores(std::move(weight), result);
}

void explain_linear_deletion(BlackBox& f, const ExplainedText& text, const ExplainOptions& options,
                             Explanation& result) {
  const Coalitions kept = query_deletions(text, *options.budget, options,
                                          text.has_empty_text() || options.absence.filler.has_value());
  const std::vector<double> answers = coalition_values(f, text, options.absence)(kept);
  Sample sample;  // a token's place in the text is what has a weight
  sample.tokens = text.players();
  std::set<std::vector<Sample::Token>> seen;  // a repeated question is no further evidence
  for (Index i = 0; i < kept.size(); ++i) {
    std::vector<Sample::Token> present;
    for (Index j = 0; j < text.players(); ++j)
      if (kept.row(i)[static_cast<std::size_t>(j)] != 0) present.push_back(static_cast<Sample::Token>(j));
    if (seen.insert(present).second) sample.add(present, answers[static_cast<std::size_t>(i)]);
  }
  const LinearFit fit = fit_linear(sample);
  if (fit.rank < text.players())
    result.warnings.push_back(slalom::text("the answers determine ", fit.rank, " of ", text.players(),
                                           " weights: those of smallest norm are given"));
  set_linear_scores(fit.model.weight, result);
  std::get<LinearScores>(result.scores).standard_error = fit.weight_se;
  result.checks.emplace_back("mse_fit", mean_squared_error(sample, predict(fit.model, sample)));
}

void explain_shapley_exact(BlackBox& f, const ExplainedText& text, const ExplainOptions& options,
                           Explanation& result) {
  take(exact_shapley(text.players(), coalition_values(f, text, options.absence)), 0, result);
}

void explain_kernel_shap(BlackBox& f, const ExplainedText& text, const ExplainOptions& options,
                         Explanation& result) {
  take(kernel_shapley(text.players(), coalition_values(f, text, options.absence), *options.budget,
                      options.seed),
       *options.budget, result);
}

void explain_permutation_shap(BlackBox& f, const ExplainedText& text, const ExplainOptions& options,
                              Explanation& result) {
  take(permutation_shapley(text.players(), coalition_values(f, text, options.absence), *options.budget,
                           options.seed),
       *options.budget, result);
}

void explain_controlled_shap(BlackBox& f, const ExplainedText& text, const ExplainOptions& options,
                             Explanation& result) {
  if (!text.has_empty_text())
    throw Error("[controlled-shap] tokens are deleted, and a text without special tokens has no empty form",
                "permutation-shap can replace them instead: --absence mask --mask-id N");
  ExplainOptions half = options;
  half.budget = std::max<Index>(1, *options.budget / 2);
  Explanation fitted;
  fit_slalom_of_all_sizes(f, text, half, fitted);
  const auto& slalom = std::get<SlalomScores>(fitted.scores);
  const GameValues values = coalition_values(f, text, {});
  const Coalitions nobody{text.players(), std::vector<std::uint8_t>(slalom.value.size(), 0)};
  const double empty = slalom.background ? slalom.background->value : values(nobody).front();
  const GameValues control = [&](const Coalitions& coalitions) {
    std::vector<double> predicted;
    for (Index i = 0; i < coalitions.size(); ++i) {
      const bool nothing = std::ranges::count(coalitions.row(i), 0) == coalitions.players;
      predicted.push_back(nothing ? empty : fitted.predict(coalitions.row(i)));
    }
    return predicted;
  };
  const ControlledEstimate found = controlled_shapley(
      text.players(), values, control,
      slalom_shapley(slalom.value, slalom.importance, slalom.background, empty), *half.budget, options.seed);
  take(found.estimate, *half.budget, result);
  result.checks.emplace_back("variance_ratio", found.variance_ratio);
  result.warnings = fitted.warnings;
}

}  // namespace slalom
