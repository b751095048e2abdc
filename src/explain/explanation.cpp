#include "slalom/explain/explanation.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>
#include <set>

#include "slalom/base/correlation.hpp"
#include "slalom/base/error.hpp"
#include "slalom/kernels/least_squares.hpp"

namespace slalom {

void set_slalom_scores(const SlalomModel& model, const ExplainedText& text, Explanation& result) {
  SlalomScores scores;
  scores.background = model.background;
  double weight = model.background ? std::exp(model.background->importance) : 0;
  for (Sample::Token t : text.tokens()) {
    const auto k = static_cast<std::size_t>(t);
    scores.value.push_back(model.value[k]);
    scores.importance.push_back(model.importance[k]);
    scores.linear.push_back(std::exp(model.importance[k]) * model.value[k]);
    weight += std::exp(model.importance[k]);
  }
  for (const double linear : scores.linear) scores.part.push_back(linear / weight);
  const auto predictor = [&](bool with_positions) {
    return [model, tokens = text.tokens(), with_positions](std::span<const std::uint8_t> member) {
      std::vector<Sample::Token> left;
      for (std::size_t i = 0; i < tokens.size(); ++i)
        if (member[i] != 0) left.push_back(tokens[i]);
      return left.empty() && !model.background ? std::nan("") : model.predict(left, with_positions);
    };
  };
  result.predict = predictor(true);
  const auto by_scores = predictor(false);
  if (model.positions) result.predict_by_scores = by_scores;
  std::vector<std::uint8_t> member(scores.value.size(), 1);
  const double whole = by_scores(member);
  for (std::uint8_t& present : member) {
    present = 0;
    scores.removal.push_back(by_scores(member) - whole);
    present = 1;
  }
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

void set_shapley_scores(const ShapleyEstimate& estimate, Index budget, Explanation& result) {
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
    result.warnings.push_back(concat("the least that can be asked are ", estimate.coalitions - 2,
                                     " coalitions, more than the budget of ", budget));
  if (std::ranges::any_of(estimate.standard_error, [](double e) { return std::isnan(e); }))
    result.warnings.emplace_back("one draw has no standard error: a larger budget has");
}

namespace {

/// Of as many deletions of each number of removed tokens, 1 … sizes, one of each in turn, until there are
/// `most`.
void add_in_turn(const RandomDeletions& drawn, Index sizes, Index most, Coalitions& to) {
  const Index each = sizes == 0 ? 0 : drawn.kept.size() / sizes;
  for (Index i = 0; i < each; ++i)
    for (Index k = 0; k < sizes && to.size() < most; ++k)
      std::ranges::copy(drawn.kept.row(k * each + i), to.add(1).begin());
}

}  // namespace

Coalitions query_deletions(const ExplainedText& text, Index budget, const ExplainOptions& options,
                           bool may_be_empty) {
  const Index most = std::min(options.most_deleted, may_be_empty ? text.players() : text.players() - 1);
  const Index each = most == 0 ? 0 : ceil_div(budget - 1, most);
  Coalitions asked{text.players(), {}};
  asked.add(1);
  add_in_turn(random_deletions(text.players(), most, each, may_be_empty, Purpose::query, options.seed), most,
              budget, asked);
  return asked;
}

Explanation explain(const Method& method, BlackBox& f, const ExplainedText& text,
                    const ExplainOptions& options) {
  if (options.budget && (*options.budget < 0 || (*options.budget == 0 && method.default_budget > 0)))
    throw UsageError(slalom::concat("budget ", *options.budget, ", ", method.name, " wants at least 1"));
  if (options.budget && *options.budget > (Index{1} << 31) / text.players())
    throw Error(slalom::concat("budget ", *options.budget, ": a text of ", text.players(),
                               " tokens leaves memory for ", (Index{1} << 31) / text.players()));
  if (options.as_published && !method.has("as-published"))
    throw UsageError(slalom::concat(method.name, " has no published variant"));
  if (options.as_published && !std::ranges::all_of(text.units(), [](auto& unit) { return unit.size == 1; }))
    throw UsageError("the published variants explain tokens, not words");
  const auto start = std::chrono::steady_clock::now();
  f.forget();
  const QueryCost before = f.cost();
  Explanation result;
  result.method = method.name;
  result.log_odds = log_odds(f, text);
  ExplainOptions filled = options;
  filled.budget = method.budget(options, text.players());
  if (!filled.background) filled.background = text.has_empty_text();
  (options.as_published ? method.as_published : method.explain)(f, text, filled, result);
  if (options.calibrate > 0) calibrate(f, text, filled, result);
  result.cost = f.cost() - before;
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  if (options.flip > 0 && method.has("flip")) result.flips = find_flips(f, text, result, options.flip);
  if (options.held_out > 0) {
    result.fidelity = fidelity(result, f, text, filled);
    if (!result.fidelity)
      result.warnings.emplace_back("fidelity cannot be measured: the text has one token to remove");
    else if (result.fidelity->unseen == 0)
      result.warnings.emplace_back(
          "the fidelity is that of a fit to its own answers: all deletions of the text were used for the "
          "explanation");
  }
  return result;
}

void calibrate(BlackBox& f, const ExplainedText& text, const ExplainOptions& options,
               Explanation& explanation) {
  constexpr Index kMostDeleted = 10;
  const RandomDeletions drawn =
      random_deletions(text.players(), kMostDeleted, ceil_div(options.calibrate, kMostDeleted), false,
                       Purpose::calibration, options.seed);
  Coalitions kept{text.players(), {}};
  add_in_turn(drawn, drawn.removed.empty() ? 0 : drawn.removed.back(), options.calibrate, kept);
  const bool deletes = std::holds_alternative<SlalomScores>(explanation.scores);
  std::vector<double> y = coalition_values(f, text, deletes ? Masking{} : options.masking)(kept), design;
  for (Index i = 0; i < kept.size(); ++i) {
    const double change = explanation.predict(kept.row(i)) - explanation.log_odds;
    y[static_cast<std::size_t>(i)] -= explanation.log_odds;
    design.insert(design.end(), {1, static_cast<double>(std::ranges::count(kept.row(i), 0)), change});
  }
  const std::vector<double> found = minimum_norm_least_squares(kept.size(), 3, design, y).solution;
  const double offset = found[0], slope = found[1], factor = found[2];
  explanation.checks.emplace_back("calibration_queries", static_cast<double>(kept.size()));
  explanation.checks.emplace_back("calibration_offset", offset);
  explanation.checks.emplace_back("calibration_per_token", slope);
  explanation.checks.emplace_back("calibration_factor", factor);
  if (!explanation.predict_by_scores) explanation.predict_by_scores = explanation.predict;
  explanation.predict = [=, before = explanation.predict,
                         F = explanation.log_odds](std::span<const std::uint8_t> member) {
    const auto removed = static_cast<double>(std::ranges::count(member, 0));
    return removed == 0 ? F : F + offset + slope * removed + factor * (before(member) - F);
  };
  if (auto* linear = std::get_if<LinearScores>(&explanation.scores))
    for (std::vector<double>* scores : {&linear->weight, &linear->standard_error, &explanation.special})
      for (double& s : *scores) s *= factor;
}

namespace {

// Of four times as many draws the first that the explanation was not made from, then the others.
Coalitions choose_held_out(BlackBox& f, const ExplainedText& text, Masking masking,
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
      text.add_coalition(drawn.kept.row(static_cast<Index>(i)), masking, batch);
      if (!texts.insert(batch.ids).second) continue;
      (f.knows(batch, 0) ? known : fresh).push_back(static_cast<Index>(i));
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
  // SLALOM is a model of shorter texts, whatever masking Shapley games use.
  const bool deletes = std::holds_alternative<SlalomScores>(explanation.scores);
  const Masking masking = deletes ? Masking{} : options.masking;
  Fidelity result;
  std::vector<Index> removed;
  const Coalitions kept = choose_held_out(f, text, masking, options, removed, result.unseen);
  if (removed.empty()) return std::nullopt;
  const QueryCost before = f.cost();
  Sample truth;
  truth.target = coalition_values(f, text, masking)(kept);
  std::vector<double> predicted, by_scores;
  double rest = 0;  // of the prediction, which is not the scores'
  result.n = kept.size();
  for (Index i = 0; i < result.n; ++i) {
    const auto at = static_cast<std::size_t>(i);
    predicted.push_back(explanation.predict(kept.row(i)));
    if (explanation.predict_by_scores) {
      by_scores.push_back(explanation.predict_by_scores(kept.row(i)));
      rest += (predicted[at] - by_scores[at]) / static_cast<double>(result.n);
    }
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
  if (explanation.predict_by_scores) {
    const bool positions = std::holds_alternative<SlalomScores>(explanation.scores);
    for (double& p : by_scores) p += positions ? rest : 0;
    result.r2_scores = r_squared(truth, by_scores);
  }
  result.correlation = std::isfinite(result.mse) ? pearson(truth.target, predicted) : std::nan("");
  result.cost = f.cost() - before;
  return result;
}

}  // namespace slalom
