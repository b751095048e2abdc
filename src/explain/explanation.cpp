#include "slalom/explain/explanation.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <set>

#include "slalom/base/error.hpp"
#include "slalom/explain/removal_methods.hpp"
#include "slalom/explain/slalom_methods.hpp"

namespace slalom {

const std::vector<Method>& methods() {
  static const std::vector<Method> list = {
      {"slalom-exact",
       "SLALOM identified from 2K - 1 short texts",
       0,
       {"budget", "background"},
       explain_slalom_exact},
      {"slalom-eff",
       "SLALOM fitted to random short texts",
       500,
       {"budget", "background", "short-length", "as-published"},
       explain_slalom_eff},
      {"slalom-fidel",
       "SLALOM fitted to random deletions of the text",
       500,
       {"budget", "background", "most-deleted", "as-published"},
       explain_slalom_fidel},
      {"slalom-shapley",
       "Shapley values of a SLALOM fitted to deletions of all sizes",
       500,
       {"budget", "background"},
       explain_slalom_shapley},
      {"leave-one-out", "F(t) - F(t without the token)", 0, {"absence"}, explain_leave_one_out},
      {"linear-deletion",
       "least squares on random deletions",
       500,
       {"budget", "absence", "most-deleted"},
       explain_linear_deletion},
      {"shapley-exact", "Shapley values, all 2^n coalitions", 0, {"absence"}, explain_shapley_exact},
      {"kernel-shap",
       "Shapley values by weighted least squares",
       1000,
       {"budget", "absence"},
       explain_kernel_shap},
      {"permutation-shap",
       "Shapley values along random orders",
       1000,
       {"budget", "absence"},
       explain_permutation_shap},
      {"controlled-shap",
       "the same with a SLALOM as control variate",
       1000,
       {"budget", "background"},
       explain_controlled_shap}};
  return list;
}

const Method& method_named(const std::string& name) {
  std::string known;
  for (const Method& m : methods()) {
    if (name == m.name) return m;
    known += text(known.empty() ? "" : ", ", m.name);
  }
  throw UsageError("no method \"" + name + "\", wanted one of " + known);
}

namespace {

// Σ_i e^{s_i} v_i / Σ_i e^{s_i} over the members and the background, relative to the largest importance.
double weighted_mean(const SlalomScores& s, std::span<const std::uint8_t> member) {
  double top = s.background ? s.background->importance : -INFINITY;
  for (std::size_t i = 0; i < member.size(); ++i)
    if (member[i] != 0) top = std::max(top, s.importance[i]);
  double sum = 0, total = 0;
  const auto add = [&](double value, double importance) {
    const double weight = std::exp(importance - top);
    sum += weight * value;
    total += weight;
  };
  if (s.background) add(s.background->value, s.background->importance);
  for (std::size_t i = 0; i < member.size(); ++i)
    if (member[i] != 0) add(s.value[i], s.importance[i]);
  return sum / total;
}

}  // namespace

void set_slalom_scores(const SlalomModel& model, const ExplainedText& text, Explanation& result) {
  SlalomScores scores;
  scores.background = model.background;
  for (Sample::Token t : text.tokens()) {
    const auto k = static_cast<std::size_t>(t);
    scores.value.push_back(model.value[k]);
    scores.importance.push_back(model.importance[k]);
    scores.linear.push_back(std::exp(model.importance[k]) * model.value[k]);
  }
  std::vector<std::uint8_t> member(scores.value.size(), 1);
  const double whole = weighted_mean(scores, member);
  for (std::size_t i = 0; i < member.size(); ++i) {
    member[i] = 0;
    scores.removal.push_back(weighted_mean(scores, member) - whole);
    member[i] = 1;
  }
  result.predict = [scores](std::span<const std::uint8_t> left) { return weighted_mean(scores, left); };
  result.scores = std::move(scores);
}

void set_linear_scores(std::vector<double> weight, Explanation& result) {
  result.predict = [weight, f = result.log_odds](std::span<const std::uint8_t> member) {
    double predicted = f;
    for (std::size_t i = 0; i < member.size(); ++i)
      if (member[i] == 0) predicted -= weight[i];
    return predicted;
  };
  result.scores = LinearScores{std::move(weight), {}};
}

Coalitions query_deletions(const ExplainedText& text, Index budget, const ExplainOptions& options,
                           bool may_be_empty) {
  const Index most = std::min(options.most_deleted, may_be_empty ? text.players() : text.players() - 1);
  const Index each = most == 0 ? 0 : ceil_div(budget - 1, most);
  const RandomDeletions drawn =
      random_deletions(text.players(), most, each, may_be_empty, Purpose::query, options.seed);
  Coalitions asked{text.players(), {}};
  asked.add(1);
  for (Index i = 0; i < each; ++i)
    for (Index k = 0; k < most && asked.size() < budget; ++k)
      std::ranges::copy(drawn.kept.row(k * each + i), asked.add(1).begin());
  return asked;
}

Explanation explain(const Method& method, BlackBox& f, const ExplainedText& text,
                    const ExplainOptions& options) {
  if (options.budget && (*options.budget < 0 || (*options.budget == 0 && method.default_budget > 0)))
    throw UsageError(slalom::text("budget ", *options.budget, ", ", method.name, " wants at least 1"));
  if (options.budget && *options.budget > (Index{1} << 31) / text.players())
    throw UsageError(slalom::text("budget ", *options.budget, ": a text of ", text.players(),
                                  " tokens leaves memory for ", (Index{1} << 31) / text.players()));
  if (options.as_published && !method.has("as-published"))
    throw UsageError(slalom::text(method.name, " has no published settings"));
  const auto start = std::chrono::steady_clock::now();
  f.forget();
  const QueryCost before = f.cost();
  Explanation result;
  result.method = method.name;
  result.log_odds = f.log_odds(text.ids());
  ExplainOptions filled = options;
  if (!filled.budget) filled.budget = method.default_budget;
  if (!filled.background) filled.background = text.has_empty_text();
  method.explain(f, text, filled, result);
  result.cost = f.cost() - before;
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  if (options.held_out > 0) {
    result.fidelity = fidelity(result, f, text, filled);
    if (!result.fidelity)
      result.warnings.emplace_back("fidelity cannot be measured: the text has one token to remove");
  }
  return result;
}

namespace {

// Of four times as many draws the first that the explanation was not made from, then the others.
Coalitions choose_held_out(BlackBox& f, const ExplainedText& text, Absence absence,
                           const ExplainOptions& options, std::vector<Index>& removed, Index& unseen) {
  const RandomDeletions drawn =
      random_deletions(text.players(), 10, 4 * options.held_out, false, Purpose::held_out, options.seed);
  Coalitions chosen{text.players(), {}};
  const auto each = static_cast<std::size_t>(4 * options.held_out);
  for (std::size_t first = 0; first < drawn.removed.size(); first += each) {
    std::vector<Index> fresh, known;
    std::set<std::vector<TokenId>> texts;
    for (std::size_t i = first; i < first + each; ++i) {
      PackedBatch batch;
      text.add_coalition(drawn.kept.row(static_cast<Index>(i)), absence, batch);
      if (!texts.insert(batch.ids).second) continue;
      (f.knows(batch.ids) ? known : fresh).push_back(static_cast<Index>(i));
    }
    const auto wanted = static_cast<std::size_t>(options.held_out);
    unseen += static_cast<Index>(std::min(wanted, fresh.size()));
    fresh.insert(fresh.end(), known.begin(), known.end());
    if (fresh.size() > wanted) fresh.resize(wanted);
    for (const Index i : fresh) {
      std::ranges::copy(drawn.kept.row(i), chosen.add(1).begin());
      removed.push_back(drawn.removed[first]);
    }
  }
  return chosen;
}

}  // namespace

std::optional<Fidelity> fidelity(const Explanation& explanation, BlackBox& f, const ExplainedText& text,
                                 const ExplainOptions& options) {
  // SLALOM is a model of shorter texts, whatever stands for absence in Shapley games.
  const bool deletes = std::holds_alternative<SlalomScores>(explanation.scores);
  const Absence absence = deletes ? Absence{} : options.absence;
  Fidelity result;
  std::vector<Index> removed;
  const Coalitions kept = choose_held_out(f, text, absence, options, removed, result.unseen);
  if (removed.empty()) return std::nullopt;
  const QueryCost before = f.cost();
  Sample truth;
  truth.target = coalition_values(f, text, absence)(kept);
  std::vector<double> predicted;
  result.n = kept.size();
  for (Index i = 0; i < result.n; ++i) {
    const auto at = static_cast<std::size_t>(i);
    predicted.push_back(explanation.predict(kept.row(i)));
    if (result.removed.empty() || result.removed.back() != removed[at]) {
      result.removed.push_back(removed[at]);
      result.mse_removed.push_back(0);
    }
    const double error = predicted[at] - truth.target[at];
    result.mse_removed.back() +=
        error * error / static_cast<double>(std::ranges::count(removed, removed[at]));
  }
  result.mse = mean_squared_error(truth, predicted);
  result.r2 = r_squared(truth, predicted);
  result.cost = f.cost() - before;
  return result;
}

}  // namespace slalom
