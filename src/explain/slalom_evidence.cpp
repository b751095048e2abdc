#include "slalom/explain/slalom_evidence.hpp"

#include <algorithm>

#include "slalom/base/error.hpp"
#include "slalom/surrogate/published.hpp"

namespace slalom {

void SlalomEvidence::add(const Tokens& tokens, double answer, double weight) {
  if (seen_.insert(tokens).second) sample.add(tokens, answer, weight);
}

void SlalomEvidence::add(BlackBox& f, const ExplainedText& text, const std::vector<Tokens>& asked,
                         double weight) {
  const std::vector<double> answers = token_answers(f, text)(asked);
  for (std::size_t i = 0; i < asked.size(); ++i) add(asked[i], answers[i], weight);
}

void SlalomEvidence::add(BlackBox& f, const ExplainedText& text, const Coalitions& kept) {
  const std::vector<double> answers = coalition_values(f, text, {})(kept);
  for (Index i = 0; i < kept.size(); ++i) {
    Tokens tokens;
    for (std::size_t j = 0; j < text.tokens().size(); ++j)
      if (kept.row(i)[j] != 0) tokens.push_back(text.tokens()[j]);
    add(tokens, answers[static_cast<std::size_t>(i)], 1);
  }
}

std::vector<SlalomEvidence::Tokens> anchors(const ExplainedText& text, Index most) {
  std::vector<SlalomEvidence::Tokens> list;
  if (text.has_empty_text() && most > 0) list.emplace_back();
  for (Index k = 0; k < text.distinct() && std::ssize(list) < most; ++k)
    list.push_back({static_cast<Sample::Token>(k)});
  return list;
}

SlalomOptions slalom_fit_options(bool background) {
  return {.background = background, .max_iterations = 60, .tolerance = 1e-6};
}

void set_slalom_fit(const SlalomFit& fit, const Sample& sample, const ExplainedText& text,
                    Explanation& result) {
  const Index numbers = 2 * sample.tokens - 1 + (fit.model.background ? 2 : 0);
  if (sample.texts() < numbers)
    result.warnings.push_back(slalom::text(sample.texts(), " different texts for ", numbers,
                                           " numbers: the budget is too small to determine them"));
  set_slalom_scores(fit.model, text, result);
  auto& scores = std::get<SlalomScores>(result.scores);
  for (Sample::Token t : text.tokens()) {
    const auto k = static_cast<std::size_t>(t);
    if (k < fit.value_se.size()) scores.value_se.push_back(fit.value_se[k]);
    if (k < fit.importance_se.size()) scores.importance_se.push_back(fit.importance_se[k]);
  }
  result.checks.emplace_back("mse_fit", fit.mse);
  result.checks.emplace_back("iterations", static_cast<double>(fit.iterations));
  result.checks.emplace_back("converged", fit.converged ? 1 : 0);
  result.warnings.insert(result.warnings.end(), fit.warnings.begin(), fit.warnings.end());
}

namespace {

// Texts of hundreds of tokens leave a few deletions for each of their numbers: a fit of least error alone
// cancels huge parts of some tokens by those of others, and errs wildly where another one is deleted. Normal
// priors keep it from that; they weigh as much as the noise says, which is next to nothing where a SLALOM
// fits exactly.
constexpr double kValueDeviation = 1;  // ranges of the answers
constexpr double kImportanceDeviation = 1;

SlalomFit fit_with_priors(const Sample& sample, SlalomOptions options) {
  const SlalomFit free = fit_slalom(sample, options);
  const auto [lowest, highest] = std::ranges::minmax(sample.target);
  const double texts = static_cast<double>(sample.texts()),
               numbers = static_cast<double>(2 * sample.tokens + (options.background ? 1 : -1));
  const double noise = free.mse * texts / std::max(texts - numbers, texts / 10);
  const double value = kValueDeviation * (highest - lowest);
  if (noise == 0 || value == 0) return free;
  options.ridge = {noise / (value * value), noise / (kImportanceDeviation * kImportanceDeviation)};
  options.start = free.model;
  return fit_slalom(sample, options);
}

}  // namespace

void fit_slalom_to_deletions(BlackBox& f, const ExplainedText& text, const ExplainOptions& options,
                             double anchor_weight, Explanation& result) {
  const bool background = *options.background && !options.as_published;
  SlalomEvidence evidence(text);
  const auto few = background ? anchors(text, *options.budget / 4) : std::vector<SlalomEvidence::Tokens>{};
  evidence.add(f, text, query_deletions(text, *options.budget - std::ssize(few), options, false));
  evidence.add(f, text, few, anchor_weight);
  if (options.as_published)
    result.warnings.emplace_back("as published: one step of alternating least squares, without a background");
  const Sample& sample = evidence.sample;
  set_slalom_fit(options.as_published ? fit_slalom_alternating(sample)
                                      : fit_with_priors(sample, slalom_fit_options(background)),
                 sample, text, result);
}

void fit_slalom_of_all_sizes(BlackBox& f, const ExplainedText& text, const ExplainOptions& options,
                             Explanation& result) {
  ExplainOptions all = options;
  all.most_deleted = text.players();
  fit_slalom_to_deletions(f, text, all, 1, result);
}

double value_of_nothing(BlackBox& f, const ExplainedText& text, const SlalomScores& scores) {
  if (scores.background) return scores.background->value;
  const Coalitions nobody{text.players(), std::vector<std::uint8_t>(scores.value.size(), 0)};
  return coalition_values(f, text, {})(nobody).front();
}

}  // namespace slalom
