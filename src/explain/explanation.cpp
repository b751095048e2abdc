#include "slalom/explain/explanation.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <map>
#include <numeric>

#include "slalom/base/correlation.hpp"
#include "slalom/base/distinct.hpp"
#include "slalom/base/error.hpp"
#include "slalom/explain/methods.hpp"
#include "slalom/kernels/least_squares.hpp"

namespace slalom {

const std::vector<double>* Explanation::find(const std::string& name) const {
  const auto found = std::ranges::find(columns, name, [](const auto& column) { return column.first; });
  return found == columns.end() ? nullptr : &found->second;
}

const std::vector<double>& Explanation::column(const std::string& name) const {
  if (const auto* found = find(name)) return *found;
  throw Error(concat("[report] ", method, " has no scores \"", name, "\", wanted one of ",
                     listed(columns, [](const auto& column) { return column.first; })));
}

double Explanation::weight() const {
  double sum = background_weight();
  for (const double s : column("importance"))
    if (!std::isnan(s)) sum += std::exp(s);
  return sum;
}

void set_slalom_scores(const SlalomModel& model, const ExplainedText& text, Explanation& result) {
  const auto predictor = [&](bool with_positions) {
    return [model, tokens = text.tokens(), with_positions](std::span<const std::uint8_t> member) {
      const std::vector<Sample::Token> left = kept_tokens(tokens, member);
      return left.empty() && !model.background ? std::nan("") : model.predict(left, with_positions);
    };
  };
  result.predict = predictor(true);
  const auto by_scores = predictor(false);
  if (model.positions) result.predict_by_scores = by_scores;
  std::vector<double> removal, value, importance, linear;
  for (Sample::Token t : text.tokens()) {
    const auto k = static_cast<std::size_t>(t);
    value.push_back(model.value[k]);
    importance.push_back(model.importance[k]);
    linear.push_back(std::exp(model.importance[k]) * model.value[k]);
  }
  const double whole = by_scores(std::vector<std::uint8_t>(value.size(), 1));
  const Coalitions left = single_deletions(text.players());
  for (Index i = 0; i < left.size(); ++i) removal.push_back(by_scores(left.row(i)) - whole);
  result.background = model.background;
  result.columns = {{"removal", removal}, {"value", value}, {"importance", importance}, {"linear", linear}};
  const double weight = result.weight();
  for (double& x : linear) x /= weight;
  result.columns.emplace(result.columns.begin(), "part", linear);
}

void set_linear_scores(std::vector<double> weight, Explanation& result) {
  result.predict = [weight, f = result.log_odds](std::span<const std::uint8_t> member) {
    double predicted = f;
    for (std::size_t i = 0; i < member.size(); ++i)
      if (member[i] == 0) predicted -= weight[i];
    return predicted;
  };
  result.columns = {{"weight", std::move(weight)}};
  result.background.reset();
}

void set_shapley_scores(const ShapleyEstimate& estimate, Index budget, Explanation& result) {
  set_linear_scores(estimate.value, result);
  if (!estimate.exact) result.columns.emplace_back("standard_error", estimate.standard_error);
  const double sum = std::accumulate(estimate.value.begin(), estimate.value.end(), 0.0);
  result.checks.emplace_back("efficiency_gap", sum - (estimate.full - estimate.empty));
  result.checks.emplace_back("log_odds_empty", estimate.empty);
  result.checks.emplace_back("coalitions", static_cast<double>(estimate.coalitions));
  result.checks.emplace_back("exact", estimate.exact ? 1 : 0);
  if (estimate.exact) return;
  result.checks.emplace_back("largest_standard_error", std::ranges::max(estimate.standard_error));
  if (estimate.coalitions - 2 > budget)
    result.warnings.push_back(concat("the least that can be queried are ", estimate.coalitions - 2,
                                     " coalitions, more than the budget of ", budget));
  if (std::ranges::any_of(estimate.standard_error, [](double e) { return std::isnan(e); }))
    result.warnings.emplace_back("one draw has no standard error: a larger budget has");
}

void set_token_scores(std::span<const double> of_tokens, const ExplainedText& text, Explanation& result) {
  set_linear_scores(text.summed(of_tokens), result);
  result.special = text.of_special(of_tokens);
  result.checks.emplace_back("special_tokens",
                             std::accumulate(result.special.begin(), result.special.end(), 0.0));
}

Coalitions query_deletions(const ExplainedText& text, Index budget, const ExplainOptions& options,
                           bool may_be_empty) {
  Coalitions kept{text.players(), {}};
  kept.add(1);
  const Index all = may_be_empty ? text.players() : text.players() - 1,
              most = std::min(options.most_deleted, all),
              larger = options.larger_too && most < all ? budget / 2 : 0;
  add_deletions_in_turn(1, most, budget - 1 - larger, Purpose::query, options.seed, kept);
  add_deletions_in_turn(most + 1, all, larger, Purpose::query, options.seed, kept);
  return kept;
}

Sample deletion_sample(BlackBox& f, const ExplainedText& text, const Coalitions& kept) {
  const std::vector<double> log_odds = coalition_values(f, text, {})(kept);
  Sample sample{.tokens = text.distinct()};
  for (Index i = 0; i < kept.size(); ++i) sample.add(kept_tokens(text.tokens(), kept.row(i)), log_odds[i]);
  return sample;
}

void add_queries(BlackBox& f, const ExplainedText& text, const std::vector<std::vector<Sample::Token>>& texts,
                 Sample& to) {
  const std::vector<double> log_odds = token_values(f, text)(texts);
  for (std::size_t i = 0; i < texts.size(); ++i) to.add(texts[i], log_odds[i]);
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
          "the fidelity is measured on what was fitted: all deletions of the text were used for the "
          "explanation");
  }
  return result;
}

void calibrate(BlackBox& f, const ExplainedText& text, const ExplainOptions& options,
               Explanation& explanation) {
  constexpr Index kMostDeleted = 10;
  const Index most = std::min(kMostDeleted, text.players() - 1),
              each = ceil_div(options.calibrate, kMostDeleted);
  Coalitions kept{text.players(), {}};
  add_deletions_in_turn(1, most, std::min(options.calibrate, most * each), Purpose::calibration, options.seed,
                        kept);
  std::vector<double> y = coalition_values(f, text, explanation.masking(options.masking))(kept), design;
  for (Index i = 0; i < kept.size(); ++i) {
    const double change = explanation.predict(kept.row(i)) - explanation.log_odds;
    y[static_cast<std::size_t>(i)] -= explanation.log_odds;
    design.insert(design.end(), {1, static_cast<double>(kept.absent(i)), change});
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
  if (explanation.is_slalom()) return;
  for (auto& [name, scores] : explanation.columns)
    for (double& s : scores) s *= factor;
  for (double& s : explanation.special) s *= factor;
}

namespace {

// Of four times as many draws the first that the explanation was not made from, then the others.
Coalitions choose_held_out(BlackBox& f, const ExplainedText& text, Masking masking,
                           const ExplainOptions& options, Index& unseen) {
  const Index each = 4 * options.held_out;
  const Coalitions drawn = random_deletions(text.players(), 10, each, false, Purpose::held_out, options.seed);
  Coalitions chosen{text.players(), {}};
  for (Index first = 0; first < drawn.size(); first += each) {
    std::vector<Index> fresh, known;
    DistinctLists texts;
    for (Index i = first; i < first + each; ++i) {
      PackedTexts batch;
      text.add_coalition(drawn.row(i), masking, batch);
      const Index seen = texts.size();
      if (texts.number(batch.text(0)) < seen) continue;
      (f.knows(batch, 0) ? known : fresh).push_back(i);
    }
    unseen += std::min(options.held_out, std::ssize(fresh));
    fresh.insert(fresh.end(), known.begin(), known.end());
    fresh.resize(std::min<std::size_t>(fresh.size(), options.held_out));
    for (const Index i : fresh) chosen.add(drawn.row(i));
  }
  return chosen;
}

}  // namespace

std::optional<Fidelity> fidelity(const Explanation& explanation, BlackBox& f, const ExplainedText& text,
                                 const ExplainOptions& options) {
  const Masking masking = explanation.masking(options.masking);
  Fidelity result;
  const Coalitions kept = choose_held_out(f, text, masking, options, result.unseen);
  if (kept.size() == 0) return std::nullopt;
  const QueryCost before = f.cost();
  Sample truth;
  truth.target = coalition_values(f, text, masking)(kept);
  std::vector<double> predicted, by_scores;
  double rest = 0;  // of the prediction, which is not the scores'
  result.n = kept.size();
  std::map<Index, Index> texts;  // by the number of removed tokens
  for (Index i = 0; i < result.n; ++i) ++texts[kept.absent(i)];
  for (Index i = 0; i < result.n; ++i) {
    const auto at = static_cast<std::size_t>(i);
    predicted.push_back(explanation.predict(kept.row(i)));
    if (explanation.predict_by_scores) {
      by_scores.push_back(explanation.predict_by_scores(kept.row(i)));
      rest += (predicted[at] - by_scores[at]) / static_cast<double>(result.n);
    }
    const Index removed = kept.absent(i);
    if (result.removed.empty() || result.removed.back() != removed) {
      result.removed.push_back(removed);
      result.mse_removed.push_back(0);
    }
    const double error = predicted[at] - truth.target[at];
    result.mse_removed.back() += error * error / static_cast<double>(texts[removed]);
  }
  result.mse = mean_squared_error(truth, predicted);
  result.r2 = r_squared(truth, predicted);
  if (explanation.predict_by_scores) {
    for (double& p : by_scores) p += explanation.is_slalom() ? rest : 0;
    result.r2_scores = r_squared(truth, by_scores);
  }
  result.correlation = std::isfinite(result.mse) ? pearson(truth.target, predicted) : std::nan("");
  result.cost = f.cost() - before;
  return result;
}

}  // namespace slalom
