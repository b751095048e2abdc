#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "slalom/base/error.hpp"
#include "slalom/base/parallel.hpp"
#include "slalom/surrogate/slalom_comparison.hpp"

namespace slalom {

namespace {

using namespace detail;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN(),
                 kInfinity = std::numeric_limits<double>::infinity();

/// The square of e^kImportanceBound times this is finite, and so is the sum over all texts.
constexpr double kMostLogOdds = 1e130;

void check_sizes(const char* what, std::span<const double> numbers) {
  for (std::size_t i = 0; i < numbers.size(); ++i)
    if (!(std::abs(numbers[i]) <= kMostLogOdds))
      throw Error(concat("[slalom] ", what, " ", i, " is ", numbers[i], ", wanted a number of at most ",
                         kMostLogOdds));
}

void check(const Sample& sample, const SlalomOptions& options) {
  sample.check();
  check_sizes("log-odds of text", sample.target);
  const Index parameters = 2 * sample.tokens + (options.background ? 2 : 0);
  if (parameters > kMostSlalomParameters)
    throw Error(concat("[slalom] ", parameters, " parameters, wanted at most ", kMostSlalomParameters),
                "identification (slalom-exact without extra pairs) needs no fit");
  if (!options.background)
    for (Index i = 0; i < sample.texts(); ++i)
      if (sample.text(i).empty())
        throw Error(
            concat("[slalom] text ", i, " is empty, wanted at least one token: there is no background"));
  if (options.positions && sample.texts() > kMostTextsWithPositions)
    throw Error(concat("[slalom] position effects of ", sample.texts(), " texts, wanted at most ",
                       kMostTextsWithPositions));
  if (options.positions && !sample.weight.empty())
    throw Error("[slalom] position effects are for samples without weights");
  if (!options.text_counts.empty() && std::ssize(options.text_counts) != sample.tokens)
    throw Error(
        concat("[slalom] text_counts has ", options.text_counts.size(), " numbers, wanted ", sample.tokens));
  if (!options.guide.empty() && std::ssize(options.guide) != sample.tokens)
    throw Error(concat("[slalom] guide has ", options.guide.size(), " numbers, wanted ", sample.tokens));
  check_sizes("guide of token", options.guide);
}

void check_start(const SlalomModel& start, const Sample& sample, const SlalomOptions& options) {
  if (std::ssize(start.value) != sample.tokens || start.importance.size() != start.value.size())
    throw Error(concat("[slalom] start has ", start.value.size(), " values and ", start.importance.size(),
                       " importances, wanted ", sample.tokens));
  check_sizes("start: value of token", start.value);
  check_sizes("start: importance of token", start.importance);
  if (start.background)
    check_sizes("start: background's number",
                std::array{start.background->value, start.background->importance});
  if (start.background && !options.background)
    throw Error("[slalom] start has a background, the fit has none");
}

/// The model as a candidate.
Candidate from_model(Candidate c, const SlalomModel& model) {
  const SlalomParameters& at = c.parameters;
  SlalomModel start = model;
  start.bound_importances();
  double mean = 0;
  for (const double v : start.value) mean += v / static_cast<double>(at.tokens);
  for (Index k = 0; k < at.tokens; ++k) {
    c.x[at.importance() + k] = start.importance[k];
    c.x[k] = (start.value[k] - mean) * std::exp(start.importance[k]);
  }
  c.x[at.mean()] = mean;
  if (!at.guide.empty()) c.x[at.factor()] = 0;
  if (at.background) {
    c.x[at.background_value()] = start.background ? start.background->value : mean;
    c.x[at.log_background()] = start.background ? start.background->importance : -2 * kImportanceBound;
  }
  return c;
}

/// Whatever of these ends at the least squared error.
Candidate least_of(const Comparison& comparison, const CountRows& rows, std::vector<Candidate> starts) {
  parallel_for(std::ssize(starts), [&](Index s) { comparison.refine(rows, starts[s]); });
  return *std::ranges::min_element(starts, {}, [&](const Candidate& c) {
    return sum_of_squares(rows, residuals(c.parameters, c.x, rows));
  });
}

/// Descends from the additive fits and, with a background, from the plain SLALOM and the affine bag of words,
/// which it holds as limits.
Candidate least_squares(const Sample& sample, const SlalomOptions& options, const Comparison& comparison,
                        const CountRows& rows) {
  std::vector<Candidate> starts;
  for (const double lengths : {0.1, 1.0, 1e6}) {
    starts.push_back(comparison.additive(lengths).unfixed("least squares", kInfinity));
    starts.back().fixed_importance = options.fixed_importance;
    if (!options.background) break;
  }
  const bool has_empty = std::ranges::adjacent_find(sample.begin) != sample.begin.end();
  if (options.background && !options.fixed_importance && !has_empty) {
    const SlalomFit plain = fit_slalom(sample, {.least_squares = true});
    starts.push_back(from_model(starts[0], plain.model));
    starts.back().x[starts.back().parameters.log_background()] = -3;
  }
  return least_of(comparison, rows, std::move(starts));
}

/// Of all texts, beside the fit; `rows` are left without what they explain.
PositionEffects position_effects(const Sample& sample, const Candidate& c, double rho, double background,
                                 CountRows& rows) {
  std::vector<Index> all(static_cast<std::size_t>(rows.texts));
  std::iota(all.begin(), all.end(), Index{0});
  return explain_by_positions(sample, all, position_covariance(sample, all, background), rho, background,
                              residuals(c.parameters, c.x, rows), rows.target);
}

// --- standard errors -------------------------------------------------------------------------------------

/// The delta method: of a function of the parameters, whose posterior covariance is σ² H⁻¹, the standard
/// error is σ √(gᵀ H⁻¹ g), g its gradient. NaN where g has a share in a direction along which H does not
/// change.
class StandardErrors {
 public:
  StandardErrors(const Candidate& c, const CountRows& rows, const CountRows& support)
      : c_(c),
        curvature_(curvature({c.parameters, &rows, &support, c.fixed_importance, c.fixed_background},
                             c.penalties, c.x)) {
    double total = 0, squares = 0;
    for (const double w : rows.weight) {
      total += w;
      squares += w * w;
    }
    // Kish's effective number: texts of little weight are little evidence.
    const double observations = total * total / squares, freedom = observations - curvature_.freedom;
    if (c.penalties.part > 0)
      variance_ = c.variance;
    else if (freedom > 0.5)
      variance_ = curvature_.residual / total * observations / freedom;
  }

  double value(Index k) const {
    const SlalomParameters& at = c_.parameters;
    const double share = std::exp(-c_.x[at.importance() + k]),
                 part = c_.x[k] + (at.guide.empty() ? 0 : c_.x[at.factor()] * at.guide[k]);
    Gradient g = {{at.mean(), 1}, {k, share}, {at.importance() + k, -share * part}};
    if (!at.guide.empty()) g.emplace_back(at.factor(), share * at.guide[k]);
    return error_of(g);
  }
  /// (K) of a token's part u v / W, u = e^s. The text's weight W, Σ counts · u and the background's u, is
  /// uncertain, too: d(u v / W) = (d(u v) − (u v / W) dW) / W.
  std::vector<double> parts(const std::vector<double>& counts) const {
    const SlalomParameters& at = c_.parameters;
    Gradient of_weight;
    for (Index k = 0; k < at.tokens; ++k)
      of_weight.emplace_back(at.importance() + k, counts[k] * std::exp(c_.x[at.importance() + k]));
    if (at.background) of_weight.emplace_back(at.log_background(), std::exp(c_.x[at.log_background()]));
    double weight = 0;
    for (const auto& [p, gp] : of_weight) weight += gp;
    std::vector<double> errors;
    for (Index k = 0; k < at.tokens; ++k) {
      const double u = std::exp(c_.x[at.importance() + k]), mean = c_.x[at.mean()],
                   guided = at.guide.empty() ? 0 : c_.x[at.factor()] * at.guide[k],
                   part = (u * mean + c_.x[k] + guided) / weight;
      Gradient g = {{at.mean(), u / weight}, {k, 1 / weight}};
      if (!at.guide.empty()) g.emplace_back(at.factor(), at.guide[k] / weight);
      for (const auto& [p, gp] : of_weight)
        g.emplace_back(p, (p == at.importance() + k ? u * mean / weight : 0) - part * gp / weight);
      errors.push_back(error_of(g));
    }
    return errors;
  }
  double importance(Index k) const {
    return c_.fixed_importance ? kNaN : centred(c_.parameters.importance() + k);
  }
  double background_value() const { return error_of({{c_.parameters.background_value(), 1}}); }
  double background_importance() const {
    return c_.fixed_background ? kNaN : centred(c_.parameters.log_background());
  }

 private:
  using Gradient = std::vector<std::pair<Index, double>>;  // parameters and derivatives by them

  /// Of a parameter minus the mean of the importances that can be compared with it: without a penalty or a
  /// background only their differences are determined.
  double centred(Index p) const {
    Gradient g = {{p, 1}};
    const Index first = c_.parameters.importance(), end = first + c_.parameters.tokens;
    for (Index s = first; s < end && !c_.fixed_importance; ++s)
      if (s == p || is_determined({{p, 1}, {s, -1}})) g.emplace_back(s, 0);
    const bool alone = std::ssize(g) == 1 + (p < end ? 1 : 0);
    if (alone && !is_determined({{p, 1}})) return kNaN;
    for (std::size_t i = 1; i < g.size(); ++i) g[i].second = -1 / static_cast<double>(g.size() - 1);
    return error_of(g);
  }
  bool is_determined(const Gradient& g) const {
    return std::ranges::all_of(curvature_.open, [&](const std::vector<double>& direction) {
      double change = 0, size = 0;
      for (const auto& [p, gp] : g) {
        change += gp * direction[p];
        size += std::abs(gp * direction[p]);
      }
      return std::abs(change) <= 1e-4 * size;
    });
  }
  double error_of(const Gradient& g) const {
    if (!is_determined(g)) return kNaN;
    const Index size = c_.parameters.size();
    double variance = 0;
    for (const auto& [p, gp] : g)
      for (const auto& [q, gq] : g) variance += gp * gq * curvature_.inverse[p * size + q];
    return std::sqrt(variance_ * std::max(0.0, variance));
  }

  const Candidate& c_;
  SlalomCurvature curvature_;
  double variance_ = kNaN;
};

void write_warnings(const Sample& sample, const Candidate& c, const std::vector<bool>& occurs,
                    SlalomFit& fit) {
  const Index missing = std::ranges::count(occurs, false);
  if (missing > 0)
    fit.warnings.push_back(
        concat(missing, " of ", sample.tokens,
               " tokens never occur in the sample; they have importance 0 and the mean value"));
  const auto bounded = std::ranges::count_if(fit.model.importance,
                                             [](double s) { return std::abs(s) >= kImportanceBound - 1e-9; });
  if (bounded > 0)
    fit.warnings.push_back(concat(bounded, " of ", sample.tokens, " importances are at their bound, ",
                                  kImportanceBound, " from the mean"));
  if (!c.converged) fit.warnings.push_back(concat("no convergence after ", c.iterations, " iterations"));
}

std::vector<bool> occurring(const Sample& sample) {
  std::vector<bool> occurs(static_cast<std::size_t>(sample.tokens));
  for (const Sample::Token k : sample.token) occurs[k] = true;
  return occurs;
}

/// The model at c, its importances centred; tokens that never occur are in the middle of the others.
SlalomModel centred_model(const Candidate& c, const std::vector<bool>& occurs) {
  std::vector<double> x = c.x;
  double* s = x.data() + c.parameters.importance();
  double sum = 0, count = 0;
  for (std::size_t k = 0; k < occurs.size(); ++k)
    if (occurs[k]) {
      sum += s[k];
      ++count;
    }
  for (std::size_t k = 0; k < occurs.size(); ++k)
    if (!occurs[k]) s[k] = count > 0 ? sum / count : 0;
  return model_at(c.parameters, x);
}

SlalomFit fit_of(const Sample& sample, const Candidate& c, const CountRows& rows, const CountRows& support,
                 const std::vector<double>& text_counts) {
  const std::vector<bool> occurs = occurring(sample);
  SlalomFit fit;
  fit.model = centred_model(c, occurs);
  const StandardErrors errors(c, rows, support);
  for (Index k = 0; k < sample.tokens; ++k) {
    fit.value_se.push_back(occurs[k] ? errors.value(k) : kNaN);
    fit.importance_se.push_back(occurs[k] ? errors.importance(k) : kNaN);
  }
  if (!text_counts.empty()) fit.part_se = errors.parts(text_counts);
  for (std::size_t k = 0; k < fit.part_se.size(); ++k)
    if (!occurs[k]) fit.part_se[k] = kNaN;
  fit.background_se = {kNaN, kNaN};
  if (c.parameters.background)
    fit.background_se = {errors.background_value(), errors.background_importance()};
  fit.mse = mean_squared_error(sample, predict(fit.model, sample));
  fit.chosen = c.name;
  fit.cross_validated_mse = kNaN;
  fit.importance_deviation = c.importance_deviation;
  fit.part_deviation = c.penalties.part > 0 ? std::sqrt(c.variance / c.penalties.part) : kInfinity;
  fit.guide_factor = c.parameters.guide.empty() ? 0 : c.x[c.parameters.factor()];
  fit.iterations = c.iterations;
  fit.converged = c.converged;
  write_warnings(sample, c, occurs, fit);
  return fit;
}

}  // namespace

SlalomFit fit_slalom(const Sample& sample, const SlalomOptions& options) {
  check(sample, options);
  CountRows rows = count_rows(sample);
  Comparison comparison(sample, options);
  if (options.start) {
    check_start(*options.start, sample, options);
    const Candidate weak = comparison.additive(1).unfixed("SLALOM", 8);
    const Candidate best = least_of(comparison, rows, {from_model(weak, *options.start), weak});
    return fit_of(sample, best, rows, comparison.support(), options.text_counts);
  }
  if (options.least_squares)
    return fit_of(sample, least_squares(sample, options, comparison, rows), rows, comparison.support(),
                  options.text_counts);
  comparison.compare();
  Candidate best = comparison.best();
  const double error = best.error();
  std::optional<PositionEffects> effects;
  if (comparison.position_rho() > 0)
    effects =
        position_effects(sample, best, comparison.position_rho(), comparison.position_background(), rows);
  if (rows.texts > std::ssize(best.errors)) comparison.refine(rows, best);
  SlalomFit fit = fit_of(sample, best, rows, comparison.support(), options.text_counts);
  fit.cross_validated_mse = error;
  if (effects) {
    fit.model.positions = std::move(effects);
    fit.mse = mean_squared_error(sample, predict(fit.model, sample));
  }
  return fit;
}

}  // namespace slalom
