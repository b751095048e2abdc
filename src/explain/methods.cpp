// The table of methods, the two that need no query, and what each would cost.
#include "slalom/explain/methods.hpp"

#include <algorithm>
#include <cmath>

#include "slalom/explain/published.hpp"

namespace slalom {

namespace {

// What an explanation has to beat: numbers that know nothing of the model, and no numbers at all. The ids
// choose the stream, so that texts of one run do not share their numbers.
void random_scores(BlackBox&, const ExplainedText& text, const ExplainOptions& options, Explanation& result) {
  std::uint64_t index = 0;
  for (const TokenId id : text.ids())
    index = stream_key(index, Purpose::query, static_cast<std::uint64_t>(id));
  Rng rng(options.seed, Purpose::query, index);
  std::vector<double> weight(static_cast<std::size_t>(text.players()));
  for (double& w : weight) w = 2 * rng.uniform() - 1;
  set_linear_scores(std::move(weight), result);
}

void zero_scores(BlackBox&, const ExplainedText& text, const ExplainOptions&, Explanation& result) {
  set_linear_scores(std::vector<double>(static_cast<std::size_t>(text.players())), result);
}

}  // namespace

const std::vector<Method>& methods() {
  using enum QueryKind;
  static const std::vector<Method> list = {
      {"slalom-exact", "SLALOM identified from 2K - 1 short texts", slalom_exact, identification, 0,
       "budget background flip"},
      {"slalom-eff", "SLALOM fitted to random short texts", slalom_eff, short_texts, 500,
       "budget background short-length flip", published::slalom_eff, published::kSamples},
      {"slalom-fidel", "SLALOM fitted to random deletions of the text", slalom_fidel, deletions, 500,
       "budget background most-deleted prior positions flip", published::slalom_fidel, published::kSamples},
      {"slalom-shapley", "Shapley values of a SLALOM fitted to deletions of all sizes", slalom_shapley_values,
       coalitions, 500, "budget background prior positions"},
      {"leave-one-out", "F(t) - F(t without the token)", leave_one_out, single_deletions, 0, "absence"},
      {"linear-deletion", "least squares on random deletions", linear_deletion, deletions, 500,
       "budget absence most-deleted", published::linear_deletion, published::kLinearDeletions},
      {"shapley-exact", "Shapley values, all 2^n coalitions", shapley_exact, all_coalitions, 0, "absence"},
      {"kernel-shap", "Shapley values by weighted least squares", kernel_shap, coalitions, 1000,
       "budget absence", published::kernel_shap, published::kSamples, 4},  // two determine the fit
      {"permutation-shap", "Shapley values along random orders", permutation_shap, coalitions, 1000,
       "budget absence"},
      {"controlled-shap", "the same with a SLALOM as control variate", controlled_shap, coalitions, 1000,
       "budget background prior positions"},
      {"lime", "ridge regression on removals, those near the text weighing most", lime, coalitions, 1000,
       "budget absence", published::lime, published::kSamples},
      {"gradient", "norm of the derivative by the word embedding", gradient, passes, 0, "",
       published::gradient},
      {"input-x-gradient", "word embedding times its derivative", input_x_gradient, passes, 0, ""},
      {"integrated-gradients", "gradients integrated from a baseline to the text", integrated_gradients,
       passes, 0, "baseline tolerance", published::integrated_gradients},
      {"attn-lrp", "relevance propagated back from the log-odds, with a record of its conservation",
       attn_lrp_relevance, passes, 0, "", published::attn_lrp},
      {"attention-rollout", "attention followed through all layers", attention_rollout, passes, 0, ""},
      {"random", "uniform on -1 to 1: a baseline that explanations have to beat", random_scores, none, 0, ""},
      {"zero", "no token matters: a baseline that explanations have to beat", zero_scores, none, 0, ""}};
  return list;
}

const Method& method_named(const std::string& name) {
  for (const Method& m : methods())
    if (name == m.name) return m;
  throw UsageError("no method \"" + name + "\", wanted one of " + listed(methods(), &Method::name));
}

namespace {

constexpr double kUsualPoints = 64, kPublishedPoints = 29;       // of integrated gradients
constexpr double kPublishedLength = 3, kPublishedDeleted = 2.5;  // of slalom-eff, of deletions
constexpr double kMostQueries = 1e15;

struct Lengths {
  double special, unit, n, whole;  // tokens that stay, of a unit, units, tokens of the text
  double of(double units) const { return special + units * unit; }
};

// Queries and the tokens of each.
std::pair<double, double> expected_queries(const Method& m, const Lengths& l, double distinct,
                                           const ExplainOptions& o) {
  const auto budget = static_cast<double>(m.budget(o, std::llround(l.n)));
  const bool published = o.as_published && m.has("as-published");
  const double deleted =
      published ? kPublishedDeleted : (1 + std::min(static_cast<double>(o.most_deleted), l.n)) / 2;
  const double half = l.of(o.masking.replacement ? l.n : l.n / 2);
  switch (m.queries) {
    case QueryKind::none:
      return {0, 0};
    case QueryKind::passes:
      return {!m.has("tolerance") ? 1 : published ? kPublishedPoints : kUsualPoints, 3 * l.whole};
    case QueryKind::identification:
      return {2 * distinct + 1 + budget, l.of(1.5)};
    case QueryKind::short_texts:
      return {budget, l.of(published ? kPublishedLength : static_cast<double>(o.short_length))};
    case QueryKind::deletions:
      return {budget, l.of(l.n - deleted)};
    case QueryKind::single_deletions:
      return {l.n, l.of(l.n - 1)};
    case QueryKind::coalitions:
      return {budget, half};
    case QueryKind::all_coalitions:
      return {std::exp2(l.n), half};
  }
  return {0, 0};
}

}  // namespace

QueryCost expected_cost(const Method& method, const ExplainedText& text, const ExplainOptions& options) {
  Index explained = 0;
  for (const ExplainedText::Range& unit : text.units()) explained += unit.size;
  const auto S = static_cast<double>(text.ids().size()), n = static_cast<double>(text.players());
  const Lengths lengths{S - static_cast<double>(explained), static_cast<double>(explained) / n, n, S};
  const auto [queries, tokens] =
      expected_queries(method, lengths, static_cast<double>(text.distinct()), options);
  const double removed = std::min<double>(10, n - 1);
  // Those that calibrate are alike.
  const double held_out =
      removed * static_cast<double>(options.held_out) + static_cast<double>(options.calibrate);
  const auto whole = [](double x) { return static_cast<Index>(std::llround(std::min(x, kMostQueries))); };
  const Index all = whole(1 + queries + held_out);
  return {all, all, whole(S + queries * tokens + held_out * lengths.of(n - (1 + removed) / 2))};
}

}  // namespace slalom
