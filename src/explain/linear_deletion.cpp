#include <set>

#include "slalom/explain/methods.hpp"
#include "slalom/explain/published.hpp"
#include "slalom/surrogate/linear.hpp"

namespace slalom {

namespace {

void explain(BlackBox& f, const ExplainedText& text, const ExplainOptions& options, Explanation& result) {
  const Coalitions kept = query_deletions(text, *options.budget, options,
                                          text.has_empty_text() || options.masking.replacement.has_value());
  const std::vector<double> answers = coalition_values(f, text, options.masking)(kept);
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
    result.warnings.push_back(slalom::concat("the answers determine ", fit.rank, " of ", text.players(),
                                             " weights: those of smallest norm are given"));
  set_linear_scores(fit.model.weight, result);
  std::get<LinearScores>(result.scores).standard_error = fit.weight_se;
  result.checks.emplace_back("mse_fit", mean_squared_error(sample, predict(fit.model, sample)));
}

}  // namespace

Method linear_deletion() {
  return {"linear-deletion",
          "least squares on random deletions",
          500,
          {"budget", "absence", "most-deleted"},
          explain,
          Asks::deletions,
          published::linear_deletion,
          published::kLinearDeletions};
}

}  // namespace slalom
