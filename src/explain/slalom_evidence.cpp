#include "slalom/explain/slalom_evidence.hpp"

#include <algorithm>
#include <cmath>

#include "slalom/base/error.hpp"
#include "slalom/base/numbers.hpp"
#include "slalom/explain/embedding_gradient.hpp"
#include "slalom/explain/methods.hpp"
#include "slalom/explain/relevance.hpp"

namespace slalom {

void SlalomEvidence::add(const Tokens& tokens, double answer) {
  if (seen_.insert(tokens).second) sample.add(tokens, answer);
}

void SlalomEvidence::add(BlackBox& f, const ExplainedText& text, const std::vector<Tokens>& asked) {
  const std::vector<double> answers = token_answers(f, text)(asked);
  for (std::size_t i = 0; i < asked.size(); ++i) add(asked[i], answers[i]);
}

void SlalomEvidence::add(BlackBox& f, const ExplainedText& text, const Coalitions& kept) {
  const std::vector<double> answers = coalition_values(f, text, {})(kept);
  for (Index i = 0; i < kept.size(); ++i) {
    Tokens tokens;
    for (std::size_t j = 0; j < text.tokens().size(); ++j)
      if (kept.row(i)[j] != 0) tokens.push_back(text.tokens()[j]);
    add(tokens, answers[static_cast<std::size_t>(i)]);
  }
}

namespace {

bool can_be_opened(BlackBox& f) {
  return !std::holds_alternative<std::monostate>(f.gradient_access().transformer);
}

/// Scores (S) of one forward and one backward pass.
std::vector<double> scores_of_passes(BlackBox& f, const ExplainedText& text, Prior prior) {
  Explanation unused;
  if (prior == Prior::gradient) {
    const GradientAtText at = gradient_at_text(f, text, "--prior gradient", unused);
    return row_products(at.embedding, at.gradient, at.width);
  }
  count_passes(f, 1, std::ssize(text.ids()), unused);
  return with_gradient_access(f, "--prior attn-lrp", [&](auto& model, Index target) {
    return attn_lrp(model, text.ids(), text.encoding().types, target).token;
  });
}

/// (K) means over the units that are the same, or empty.
std::vector<double> guide_of(BlackBox& f, const ExplainedText& text, Prior prior) {
  if (prior == Prior::none) return {};
  const std::vector<double> scores = text.summed(scores_of_passes(f, text, prior));
  const auto K = static_cast<std::size_t>(text.distinct());
  std::vector<double> sum(K), count(K);
  for (std::size_t i = 0; i < scores.size(); ++i) {
    sum[text.tokens()[i]] += scores[i];
    ++count[text.tokens()[i]];
  }
  for (std::size_t k = 0; k < K; ++k) sum[k] /= count[k];
  return sum;
}

std::string choice_sentence(const SlalomFit& fit, Prior prior) {
  std::string words = fit.chosen;
  if (prior != Prior::none)
    words += concat(", values shrunk towards ", significant(fit.guide_factor, 2), " x ",
                    prior == Prior::gradient ? "input-x-gradient" : "attn-lrp");
  if (fit.model.positions) words += ", position effects";
  return words;
}

}  // namespace

void set_slalom_fit(const SlalomFit& fit, const Sample& sample, const ExplainedText& text,
                    Explanation& result) {
  if (sample.texts() < 2 * sample.tokens)
    result.warnings.push_back(slalom::concat(sample.texts(), " different texts for ", sample.tokens,
                                             " tokens: a larger budget tells more of them apart"));
  set_slalom_scores(fit.model, text, result);
  auto& scores = std::get<SlalomScores>(result.scores);
  double weight = scores.background ? std::exp(scores.background->importance) : 0;
  for (const double s : scores.importance) weight += std::exp(s);
  for (Sample::Token t : text.tokens()) {
    const auto k = static_cast<std::size_t>(t);
    scores.part_se.push_back(fit.linear_se[k] / weight);
    scores.value_se.push_back(fit.value_se[k]);
    scores.importance_se.push_back(fit.importance_se[k]);
  }
  result.checks.emplace_back("mse_fit", fit.mse);
  result.checks.emplace_back("mse_cross_validated", fit.cross_validated_mse);
  result.checks.emplace_back("importance_deviation", fit.importance_deviation);
  result.checks.emplace_back("part_deviation", fit.part_deviation);
  result.checks.emplace_back("prior_factor", fit.guide_factor);
  result.checks.emplace_back("iterations", static_cast<double>(fit.iterations));
  result.checks.emplace_back("converged", fit.converged ? 1 : 0);
  result.fit = choice_sentence(fit, Prior::none);
  result.warnings.insert(result.warnings.end(), fit.warnings.begin(), fit.warnings.end());
}

void fit_slalom_to_deletions(BlackBox& f, const ExplainedText& text, const ExplainOptions& options,
                             Explanation& result) {
  constexpr Index kPasses = 2;  // of a prior, forward and backward
  SlalomEvidence evidence(text);
  const Sample& sample = evidence.sample;
  const Prior prior = options.prior.value_or(can_be_opened(f) ? Prior::attn_lrp : Prior::none);
  std::vector<double> guide = guide_of(f, text, prior);
  const Index budget = std::max<Index>(1, *options.budget - (prior == Prior::none ? 0 : kPasses));
  evidence.add(f, text, query_deletions(text, budget, options, false));
  const SlalomFit fit =
      fit_slalom(sample, {.background = *options.background,
                          .positions = options.positions && sample.texts() <= kMostTextsWithPositions,
                          .guide = std::move(guide)});
  set_slalom_fit(fit, sample, text, result);
  result.fit = choice_sentence(fit, prior);
}

void fit_slalom_of_all_sizes(BlackBox& f, const ExplainedText& text, const ExplainOptions& options,
                             Explanation& result) {
  ExplainOptions all = options;
  all.most_deleted = text.players();
  fit_slalom_to_deletions(f, text, all, result);
}

double value_of_nothing(BlackBox& f, const ExplainedText& text, const SlalomScores& scores) {
  if (scores.background) return scores.background->value;
  const Coalitions nobody{text.players(), std::vector<std::uint8_t>(scores.value.size(), 0)};
  return coalition_values(f, text, {})(nobody).front();
}

}  // namespace slalom
