#include "slalom/explain/methods.hpp"

namespace slalom {

namespace {

// The published game: no special tokens, and the pad token in the place of absent ones.
GameValues published_game(BlackBox& f, const ExplainedText& text, const ExplainOptions& options) {
  if (!options.pad_id)
    throw UsageError("kernel-shap --as-published: the folder names no pad token to replace absent ones by");
  return [&f, &text, pad = *options.pad_id](const Coalitions& coalitions) {
    PackedBatch batch;
    for (Index i = 0; i < coalitions.size(); ++i) add_without_special(text, coalitions.row(i), pad, batch);
    return f.log_odds(batch);
  };
}

void explain(BlackBox& f, const ExplainedText& text, const ExplainOptions& options, Explanation& result) {
  const GameValues game =
      options.as_published ? published_game(f, text, options) : coalition_values(f, text, options.absence);
  const ShapleyEstimate found = kernel_shapley(text.players(), game, *options.budget, options.seed);
  set_shapley_scores(found, *options.budget, result);
  if (!options.as_published) return;
  result.checks.emplace_back("log_odds_stripped", found.full);
  result.warnings.push_back(slalom::text(
      "as published: the game of the text without its special tokens, absent tokens replaced by ",
      *options.pad_id, "; the scores share out its log-odds, not that of the text"));
}

}  // namespace

Method kernel_shap() {
  return {.name = "kernel-shap",
          .summary = "Shapley values by weighted least squares",
          .default_budget = 1000,
          .uses = {"budget", "absence", "as-published"},
          .explain = explain,
          .asks = Asks::coalitions,
          .budget_each = 4};  // two determine the fit
}

}  // namespace slalom
