#include "slalom/explain/slalom_methods.hpp"

#include <algorithm>
#include <cmath>
#include <set>

#include "slalom/base/error.hpp"
#include "slalom/base/random.hpp"
#include "slalom/surrogate/published.hpp"
#include "slalom/surrogate/shapley.hpp"

namespace slalom {

namespace {

using Tokens = std::vector<Sample::Token>;

// What a fit is made of: a classifier answers the same text the same way, so a repeated question is no
// further evidence, and only its first answer counts.
class Evidence {
 public:
  explicit Evidence(const ExplainedText& text) { sample.tokens = std::ssize(text.distinct()); }

  void add(const Tokens& tokens, double answer, double weight) {
    if (seen_.insert(tokens).second) sample.add(tokens, answer, weight);
  }
  void add(BlackBox& f, const ExplainedText& text, const std::vector<Tokens>& asked, double weight) {
    const std::vector<double> answers = token_answers(f, text)(asked);
    for (std::size_t i = 0; i < asked.size(); ++i) add(asked[i], answers[i], weight);
  }
  // Deletions of the text.
  void add(BlackBox& f, const ExplainedText& text, const Coalitions& kept) {
    const std::vector<double> answers = coalition_values(f, text, {})(kept);
    for (Index i = 0; i < kept.size(); ++i) {
      Tokens tokens;
      for (std::size_t j = 0; j < text.tokens().size(); ++j)
        if (kept.row(i)[j] != 0) tokens.push_back(text.tokens()[j]);
      add(tokens, answers[static_cast<std::size_t>(i)], 1);
    }
  }

  Sample sample;

 private:
  std::set<Tokens> seen_;
};

// Texts of one length do not tell a background from tokens that each carry a share of it. These do: the empty
// text, where there is one, and single tokens.
std::vector<Tokens> anchors(const ExplainedText& text, Index most) {
  std::vector<Tokens> list;
  if (text.has_empty_text() && most > 0) list.emplace_back();
  for (Index k = 0; k < std::ssize(text.distinct()) && std::ssize(list) < most; ++k)
    list.push_back({static_cast<Sample::Token>(k)});
  return list;
}

// A millionth of the squared error is far below what other queries would change.
SlalomOptions fit_options(bool background) {
  return {.background = background, .max_iterations = 60, .tolerance = 1e-6};
}

void take(const SlalomFit& fit, const ExplainedText& text, Explanation& result) {
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

void warn_of_small_budget(const Sample& sample, bool background, Explanation& result) {
  const Index numbers = 2 * sample.tokens - 1 + (background ? 2 : 0);
  if (sample.texts() < numbers)
    result.warnings.push_back(text(sample.texts(), " different texts for ", numbers,
                                   " numbers: the budget is too small to determine them"));
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

void fit_deletions(BlackBox& f, const ExplainedText& text, const ExplainOptions& options,
                   double anchor_weight, Explanation& result) {
  const bool background = *options.background && !options.as_published;
  Evidence evidence(text);
  const std::vector<Tokens> few = background ? anchors(text, *options.budget / 4) : std::vector<Tokens>{};
  evidence.add(f, text, query_deletions(text, *options.budget - std::ssize(few), options, false));
  evidence.add(f, text, few, anchor_weight);
  const Sample& sample = evidence.sample;
  warn_of_small_budget(sample, background, result);
  take(options.as_published ? fit_slalom_alternating(sample) : fit_slalom(sample, fit_options(background)),
       text, result);
}

}  // namespace

void explain_slalom_exact(BlackBox& f, const ExplainedText& text, const ExplainOptions& options,
                          Explanation& result) {
  const Identification found = identify_slalom(std::ssize(text.distinct()), token_answers(f, text),
                                               {.background = *options.background,
                                                .empty_text = text.has_empty_text(),
                                                .extra_pairs = *options.budget,
                                                .seed = options.seed,
                                                .rounding = f.rounding()});
  set_slalom_scores(found.model, text, result);
  result.checks.emplace_back("pairs", static_cast<double>(found.pairs));
  result.checks.emplace_back("betweenness_violations", static_cast<double>(found.violations));
  result.checks.emplace_back("mse_asked", found.polished_mse);
  result.warnings = found.warnings;
}

void explain_slalom_eff(BlackBox& f, const ExplainedText& text, const ExplainOptions& options,
                        Explanation& result) {
  const bool background = *options.background && !options.as_published;
  Evidence evidence(text);
  const std::vector<Tokens> few = background ? anchors(text, *options.budget / 2) : std::vector<Tokens>{};
  evidence.add(f, text, few, 1);
  evidence.add(f, text,
               short_texts(evidence.sample.tokens, options.short_length, *options.budget - std::ssize(few),
                           options.seed),
               1);
  const Sample& sample = evidence.sample;
  warn_of_small_budget(sample, background, result);
  take(options.as_published ? fit_slalom_adam(sample, kPublishedEff, options.seed)
                            : fit_slalom(sample, fit_options(background)),
       text, result);
}

void explain_slalom_fidel(BlackBox& f, const ExplainedText& text, const ExplainOptions& options,
                          Explanation& result) {
  // Light enough to leave the fit to the deletions wherever they determine it.
  constexpr double kAnchorWeight = 1e-4;
  fit_deletions(f, text, options, kAnchorWeight, result);
}

void fit_slalom_of_all_sizes(BlackBox& f, const ExplainedText& text, const ExplainOptions& options,
                             Explanation& result) {
  ExplainOptions all = options;
  all.most_deleted = text.players();
  fit_deletions(f, text, all, 1, result);
}

void explain_slalom_shapley(BlackBox& f, const ExplainedText& text, const ExplainOptions& options,
                            Explanation& result) {
  fit_slalom_of_all_sizes(f, text, options, result);
  const auto scores = std::get<SlalomScores>(result.scores);
  const std::vector<std::uint8_t> nobody(scores.value.size(), 0);
  double empty = 0;
  if (scores.background) {
    empty = scores.background->value;
  } else {
    PackedBatch batch;
    text.add_coalition(nobody, {}, batch);
    empty = f.log_odds(batch).front();
  }
  set_linear_scores(slalom_shapley(scores.value, scores.importance, scores.background, empty), result);
}

}  // namespace slalom
