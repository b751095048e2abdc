// Methods that explain a text by a SLALOM: identified, fitted to short texts, fitted to deletions.
#include <algorithm>
#include <cmath>

#include "slalom/base/numbers.hpp"
#include "slalom/explain/embedding_gradient.hpp"
#include "slalom/explain/methods.hpp"
#include "slalom/explain/relevance.hpp"
#include "slalom/surrogate/closed_form_shapley.hpp"

namespace slalom {

namespace {

using Tokens = std::vector<Sample::Token>;

bool gives_gradient_access(BlackBox& f) {
  return !std::holds_alternative<std::monostate>(f.gradient_access().transformer);
}

// Scores (S) of one forward and one backward pass.
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

// (K) how often the text has each of its distinct units.
std::vector<double> counts_of(const ExplainedText& text) {
  std::vector<double> counts(static_cast<std::size_t>(text.distinct()));
  for (const Sample::Token t : text.tokens()) ++counts[t];
  return counts;
}

// (K) means over the units that are the same, or empty.
std::vector<double> guide_of(BlackBox& f, const ExplainedText& text, Prior prior) {
  if (prior == Prior::none) return {};
  const std::vector<double> scores = text.summed(scores_of_passes(f, text, prior));
  const auto K = static_cast<std::size_t>(text.distinct());
  std::vector<double> sum(K);
  const std::vector<double> count = counts_of(text);
  for (std::size_t i = 0; i < scores.size(); ++i) sum[text.tokens()[i]] += scores[i];
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

// Scores, standard errors, checks and warnings of a fit to the sample.
void set_slalom_fit(const SlalomFit& fit, const Sample& sample, const ExplainedText& text, Prior prior,
                    Explanation& result) {
  const double all_deletions = std::pow(2.0, static_cast<double>(text.players())) - 1;
  if (sample.texts() < 2 * sample.tokens && static_cast<double>(sample.texts()) < all_deletions)
    result.warnings.push_back(slalom::concat(sample.texts(), " different texts for ", sample.tokens,
                                             " tokens: a larger budget tells more of them apart"));
  set_slalom_scores(fit.model, text, result);
  std::vector<double> part_se, value_se, importance_se;
  for (Sample::Token t : text.tokens()) {
    const auto k = static_cast<std::size_t>(t);
    part_se.push_back(fit.part_se[k]);
    value_se.push_back(fit.value_se[k]);
    importance_se.push_back(fit.importance_se[k]);
  }
  result.columns.emplace_back("part_se", std::move(part_se));
  result.columns.emplace_back("value_se", std::move(value_se));
  result.columns.emplace_back("importance_se", std::move(importance_se));
  result.checks.emplace_back("mse_fit", fit.mse);
  result.checks.emplace_back("mse_cross_validated", fit.cross_validated_mse);
  result.checks.emplace_back("importance_deviation", fit.importance_deviation);
  result.checks.emplace_back("part_deviation", fit.part_deviation);
  result.checks.emplace_back("prior_factor", fit.guide_factor);
  result.checks.emplace_back("iterations", static_cast<double>(fit.iterations));
  result.checks.emplace_back("converged", fit.converged ? 1 : 0);
  result.fit = choice_sentence(fit, prior);
  result.warnings.insert(result.warnings.end(), fit.warnings.begin(), fit.warnings.end());
}

// All texts of `length` tokens over K, in lexicographic order.
std::vector<Tokens> all_texts(Index K, Index length) {
  std::vector<Tokens> list;
  Tokens tokens(static_cast<std::size_t>(length), 0);
  for (;;) {
    list.push_back(tokens);
    auto digit = tokens.rbegin();
    while (digit != tokens.rend() && ++*digit == K) *digit++ = 0;
    if (digit == tokens.rend()) return list;
  }
}

std::vector<Tokens> short_texts(Index K, Index length, Index budget, std::uint64_t seed) {
  if (std::pow(static_cast<double>(K), static_cast<double>(length)) <= static_cast<double>(budget))
    return all_texts(K, length);
  std::vector<Tokens> list;
  for (Index i = 0; i < budget; ++i) {
    Rng rng(seed, Purpose::query, static_cast<std::uint64_t>(i));
    Tokens tokens;
    for (Index j = 0; j < length; ++j)
      tokens.push_back(static_cast<Sample::Token>(rng.below(static_cast<std::uint32_t>(K))));
    list.push_back(std::move(tokens));
  }
  return list;
}

// Texts of one length do not tell a background from tokens that each carry a share of it. These do: the empty
// text, where there is one, and single tokens, `most` of them at most.
std::vector<Tokens> shortest_texts(const ExplainedText& text, Index most) {
  std::vector<Tokens> list;
  if (text.has_empty_text() && most > 0) list.emplace_back();
  for (Index k = 0; k < text.distinct() && std::ssize(list) < most; ++k)
    list.push_back({static_cast<Sample::Token>(k)});
  return list;
}

// F of the empty text, by the SLALOM's background or, without one, by the classifier.
double value_of_nothing(BlackBox& f, const ExplainedText& text, const Explanation& slalom) {
  if (slalom.background) return slalom.background->value;
  Coalitions nobody{text.players(), {}};
  nobody.add(std::uint8_t{0});
  return coalition_values(f, text, {})(nobody).front();
}

std::vector<double> shapley_of(const Explanation& slalom, double empty) {
  return slalom_shapley(slalom.column("value"), slalom.column("importance"), slalom.background, empty);
}

void fit_deletions_of_all_sizes(BlackBox& f, const ExplainedText& text, ExplainOptions options,
                                Explanation& result) {
  options.most_deleted = text.players();
  slalom_fidel(f, text, options, result);
}

}  // namespace

void slalom_exact(BlackBox& f, const ExplainedText& text, const ExplainOptions& options,
                  Explanation& result) {
  const Identification found = identify_slalom(text.distinct(), token_values(f, text),
                                               {.background = *options.background,
                                                .empty_text = text.has_empty_text(),
                                                .extra_pairs = *options.budget,
                                                .seed = options.seed,
                                                .rounding = f.rounding(),
                                                .longest = text.most_units(f)});
  set_slalom_scores(found.model, text, result);
  result.checks.emplace_back("pairs", static_cast<double>(found.pairs));
  result.checks.emplace_back("betweenness_violations", static_cast<double>(found.violations));
  result.checks.emplace_back("mse_asked", found.refined_mse);
  result.warnings = found.warnings;
}

// With a background up to half of the budget goes to the shortest texts.
void slalom_eff(BlackBox& f, const ExplainedText& text, const ExplainOptions& options, Explanation& result) {
  const bool background = *options.background;
  Sample all{.tokens = text.distinct()};
  if (background) add_queries(f, text, shortest_texts(text, *options.budget / 2), all);
  const Index left = *options.budget - all.texts(),
              length = std::clamp<Index>(options.short_length, 1, std::max<Index>(1, text.most_units(f)));
  if (length < options.short_length)
    result.warnings.push_back(slalom::concat("texts of ", length, " tokens, not ", options.short_length,
                                             ": longer ones are longer than the model's positions"));
  add_queries(f, text, short_texts(text.distinct(), length, left, options.seed), all);
  const Sample sample = without_repeats(all);
  const SlalomFit fit = fit_slalom(sample, {.background = background, .text_counts = counts_of(text)});
  set_slalom_fit(fit, sample, text, Prior::none, result);
}

void slalom_fidel(BlackBox& f, const ExplainedText& text, const ExplainOptions& options,
                  Explanation& result) {
  constexpr Index kPasses = 2;  // of a prior, forward and backward
  const Prior prior = options.prior.value_or(gives_gradient_access(f) ? Prior::attn_lrp : Prior::none);
  std::vector<double> guide = guide_of(f, text, prior);
  const Index budget = std::max<Index>(1, *options.budget - (prior == Prior::none ? 0 : kPasses));
  const Sample sample =
      without_repeats(deletion_sample(f, text, query_deletions(text, budget, options, false)));
  const SlalomFit fit =
      fit_slalom(sample, {.background = *options.background,
                          .positions = options.positions && sample.texts() <= kMostTextsWithPositions,
                          .text_counts = counts_of(text),
                          .guide = std::move(guide)});
  set_slalom_fit(fit, sample, text, prior, result);
}

void slalom_shapley_values(BlackBox& f, const ExplainedText& text, const ExplainOptions& options,
                           Explanation& result) {
  fit_deletions_of_all_sizes(f, text, options, result);
  set_linear_scores(shapley_of(result, value_of_nothing(f, text, result)), result);
}

void controlled_shap(BlackBox& f, const ExplainedText& text, const ExplainOptions& options,
                     Explanation& result) {
  if (!text.has_empty_text())
    throw Error("[controlled-shap] tokens are deleted, and a text without special tokens has no empty form",
                "permutation-shap can replace them instead: --absence mask --mask-id N");
  ExplainOptions half = options;
  half.budget = std::max<Index>(1, *options.budget / 2);
  Explanation fitted;
  fit_deletions_of_all_sizes(f, text, half, fitted);
  const double empty = value_of_nothing(f, text, fitted);
  const ValueFunction control = [&](const Coalitions& coalitions) {
    std::vector<double> predicted;
    for (Index i = 0; i < coalitions.size(); ++i)
      predicted.push_back(coalitions.absent(i) == coalitions.players ? empty
                                                                     : fitted.predict(coalitions.row(i)));
    return predicted;
  };
  const ControlledEstimate found =
      controlled_shapley(text.players(), coalition_values(f, text, {}), control, shapley_of(fitted, empty),
                         *half.budget, *options.budget, options.seed);
  set_shapley_scores(found.estimate, *half.budget, result);
  result.checks.emplace_back("variance_ratio", found.variance_ratio);
  result.warnings = fitted.warnings;
}

}  // namespace slalom
