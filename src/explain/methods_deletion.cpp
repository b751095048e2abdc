// Methods that compare a text with itself less some tokens: one, some, or all subsets of them.
#include <cmath>
#include <numeric>

#include "slalom/explain/lime.hpp"
#include "slalom/explain/methods.hpp"
#include "slalom/surrogate/linear.hpp"

namespace slalom {

namespace {

bool may_be_empty(const ExplainedText& text, const ExplainOptions& options) {
  return text.has_empty_text() || options.masking.replacement.has_value();
}

}  // namespace

void leave_one_out(BlackBox& f, const ExplainedText& text, const ExplainOptions& options,
                   Explanation& result) {
  std::vector<double> weight = coalition_values(f, text, options.masking)(single_deletions(text.players()));
  for (double& w : weight) w = result.log_odds - w;
  set_linear_scores(std::move(weight), result);
}

void linear_deletion(BlackBox& f, const ExplainedText& text, const ExplainOptions& options,
                     Explanation& result) {
  const Coalitions kept = query_deletions(text, *options.budget, options, may_be_empty(text, options));
  const std::vector<double> log_odds = coalition_values(f, text, options.masking)(kept);
  std::vector<Sample::Token> places(text.tokens().size());  // what has a weight, not the tokens there
  std::iota(places.begin(), places.end(), Sample::Token{0});
  Sample all{.tokens = text.players()};
  for (Index i = 0; i < kept.size(); ++i) all.add(kept_tokens(places, kept.row(i)), log_odds[i]);
  const Sample sample = without_repeats(all);
  const LinearFit fit = fit_linear(sample);
  if (fit.rank < text.players())
    result.warnings.push_back(slalom::concat("the outputs determine ", fit.rank, " of ", text.players(),
                                             " weights: those of smallest norm are given"));
  set_linear_scores(fit.model.weight, result);
  result.columns.emplace_back("standard_error", fit.weight_se);
  result.checks.emplace_back("mse_fit", mean_squared_error(sample, predict(fit.model, sample)));
}

void lime(BlackBox& f, const ExplainedText& text, const ExplainOptions& options, Explanation& result) {
  const Coalitions samples = lime_samples(
      text.players(), text.players() - (may_be_empty(text, options) ? 0 : 1), *options.budget, options.seed);
  const std::vector<double> weight = lime_kernel(samples);
  const LimeFit fit = fit_lime(samples, coalition_values(f, text, options.masking)(samples), weight);
  set_linear_scores(fit.weight, result);
  result.predict = [fit](std::span<const std::uint8_t> member) {
    return std::inner_product(member.begin(), member.end(), fit.weight.begin(), fit.intercept);
  };
  const double sum = std::accumulate(weight.begin(), weight.end(), 0.0),
               squares = std::inner_product(weight.begin(), weight.end(), weight.begin(), 0.0);
  result.checks.emplace_back("intercept", fit.intercept);
  result.checks.emplace_back("r2_fit", fit.r2);
  result.checks.emplace_back("effective_samples", sum * sum / squares);
  if (sum * sum / squares < static_cast<double>(text.players() + 1))
    result.warnings.push_back(slalom::concat("the kernel leaves ", sum * sum / squares,
                                             " effective samples for ", text.players(),
                                             " weights: the ridge decides"));
}

void shapley_exact(BlackBox& f, const ExplainedText& text, const ExplainOptions& options,
                   Explanation& result) {
  set_shapley_scores(exact_shapley(text.players(), coalition_values(f, text, options.masking)), 0, result);
}

void kernel_shap(BlackBox& f, const ExplainedText& text, const ExplainOptions& options, Explanation& result) {
  set_shapley_scores(kernel_shapley(text.players(), coalition_values(f, text, options.masking),
                                    *options.budget, options.seed),
                     *options.budget, result);
}

void permutation_shap(BlackBox& f, const ExplainedText& text, const ExplainOptions& options,
                      Explanation& result) {
  set_shapley_scores(permutation_shapley(text.players(), coalition_values(f, text, options.masking),
                                         *options.budget, options.seed),
                     *options.budget, result);
}

}  // namespace slalom
