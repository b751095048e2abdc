#include <algorithm>
#include <cmath>
#include <limits>

#include "slalom/base/error.hpp"
#include "slalom/base/interrupt.hpp"
#include "slalom/kernels/least_squares.hpp"
#include "slalom/surrogate/slalom_problem.hpp"

namespace slalom {

namespace {

using namespace detail;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// --- Levenberg-Marquardt ---------------------------------------------------------------------------------

/// An importance moves by at most this in a step: the model is linear nowhere near as far.
constexpr double kLongestStep = 2;

/// The step of the damped normal equations, over all 2M parameters, and the decrease of the squared error
/// that the linearised model promises for it before it is shortened.
struct Step {
  std::vector<double> change;
  double promise = 0;
  bool possible = false;
};
Step damped_step(const SlalomProblem& problem, const NormalEquations& normal, const std::vector<Index>& free,
                 double damping) {
  const Index size = static_cast<Index>(free.size());
  ScaledSystem system = scaled_system(problem, normal, free, damping);
  Step step;
  if (size == 0 || !cholesky(size, system.matrix.data())) return step;
  std::vector<double> x(size);
  for (Index i = 0; i < size; ++i) x[i] = normal.gradient[free[i]] / system.root_diagonal[i];
  cholesky_solve(size, system.matrix.data(), x.data());
  step.change.resize(2 * problem.tokens());
  for (Index i = 0; i < size; ++i) {
    step.change[free[i]] = x[i] / system.root_diagonal[i];
    step.promise += step.change[free[i]] * normal.gradient[free[i]];
    if (free[i] >= problem.tokens()) {
      step.promise += damping * system.level * step.change[free[i]] * step.change[free[i]];
      step.change[free[i]] = std::clamp(step.change[free[i]], -kLongestStep, kLongestStep);
    }
  }
  step.possible = std::isfinite(step.promise);
  return step;
}

/// Given the importances F is linear in the values: solves for them. The ridge is far below what a
/// determined value needs; the others stay where they are.
void solve_values(const SlalomProblem& problem, SlalomPoint& point) {
  const Index size = problem.tokens();
  const NormalEquations normal = normal_equations(problem, point, false);
  std::vector<Index> free;
  for (Index k = 0; k < size; ++k)
    if (normal.matrix[k * size + k] > 1e-290) free.push_back(k);
  const Step step = damped_step(problem, normal, free, 0);
  if (!step.possible) return;
  for (Index k = 0; k < size; ++k) point.value[k] += step.change[k];
}

/// Puts the importances within their bounds and solves for the values. Where one lies further than `most`
/// from the mean of F, its importance rises as far as leaves e^s (v − mean) as it is.
void settle(const SlalomProblem& problem, SlalomPoint& point, double most = INFINITY) {
  bound(problem, point);
  solve_values(problem, point);
  const auto excess = [&](Index k) { return std::abs(point.value[k] - problem.mean) / most; };
  bool moved = false;
  for (Index k = 0; k < problem.tokens(); ++k) {
    if (excess(k) <= 1 || (problem.fixed_importance && k < problem.words())) continue;
    point.importance[k] += std::log(excess(k));
    moved = true;
  }
  if (moved) {
    bound(problem, point);
    solve_values(problem, point);
  }
  for (double& v : point.value) v = std::clamp(v, problem.mean - most, problem.mean + most);
}

struct Descent {
  SlalomPoint point;
  double error = 0;                     // the objective
  double largest_deviation = INFINITY;  // of a value from the mean of F
  double damping = 1e-3;
  Index iterations = 0;
  bool converged = false;
};

Descent begin_descent(const SlalomProblem& problem, SlalomPoint point) {
  bound(problem, point);
  const double error = objective(problem, point);
  return {std::move(point), error};
}

/// Below the least damping a token of hardly any weight would follow rounding errors of its gradient.
constexpr double kLeastDamping = 1e-13, kMostDamping = 1e10;

/// One accepted step, or none if no damping leads downwards. Only the importances are damped, and the values
/// are solved for again after they moved: a token that fades has e^s v constant, and no step of both along
/// its tangent stays in that valley. Converged: nothing but rounding is left, or the
/// undamped linearised model promises less than the tolerance.
void descend_once(const SlalomProblem& problem, double tolerance, Descent& descent) {
  const NormalEquations normal = normal_equations(problem, descent.point, true);
  const std::vector<Index> free = free_parameters(problem, descent.point, normal);
  for (; descent.damping < kMostDamping; descent.damping *= 4) {
    const Step step = damped_step(problem, normal, free, descent.damping);
    if (!step.possible) continue;
    SlalomPoint candidate = descent.point;
    for (Index k = 0; k < problem.tokens(); ++k) candidate.importance[k] += step.change[problem.tokens() + k];
    settle(problem, candidate, descent.largest_deviation);
    const double error = objective(problem, candidate);
    descent.converged = step.promise * (1 + descent.damping) <= tolerance * descent.error;
    if (error < descent.error) {
      const double gain = (descent.error - error) / step.promise;
      if (gain > 0.5) descent.damping = std::max(descent.damping / 6, kLeastDamping);
      if (gain < 0.1) descent.damping *= 3;
      descent.point = std::move(candidate);
      descent.error = error;
      ++descent.iterations;
      return;
    }
    if (descent.converged) return;
  }
  descent.converged = true;
}

void descend(const SlalomProblem& problem, const SlalomOptions& options, Index iterations, Descent& descent) {
  // Residuals of this size are rounding errors of the predictions.
  const double rounding = 1e-30 * problem.squares;
  const Index last = std::min(options.max_iterations, descent.iterations + iterations);
  while (!descent.converged && descent.iterations < last) {
    check_interrupt();
    if (descent.error <= rounding)
      descent.converged = true;
    else
      descend_once(problem, options.tolerance, descent);
  }
}

// --- starts ----------------------------------------------------------------------------------------------

/// All importances 0, the background's as given, and the values that suit them.
SlalomPoint equal_importances(const SlalomProblem& problem, double background) {
  SlalomPoint point{std::vector<double>(problem.tokens()), std::vector<double>(problem.tokens())};
  if (problem.background) point.importance.back() = background;
  settle(problem, point);
  return point;
}

SlalomPoint given_start(const SlalomProblem& problem, const SlalomModel& start, Index tokens) {
  const auto all_finite = [](const std::vector<double>& x) {
    return std::all_of(x.begin(), x.end(), [](double number) { return std::isfinite(number); });
  };
  if (static_cast<Index>(start.value.size()) != tokens || start.importance.size() != start.value.size())
    throw Error(text("[slalom] start has ", start.value.size(), " values and ", start.importance.size(),
                     " importances, wanted ", tokens));
  if (!all_finite(start.value) || !all_finite(start.importance))
    throw Error("[slalom] start has a number that is not finite");
  if (start.background &&
      !(std::isfinite(start.background->value) && std::isfinite(start.background->importance)))
    throw Error("[slalom] start has a background that is not finite");
  if (start.background && !problem.background)
    throw Error("[slalom] start has a background, the fit has none");
  SlalomPoint point;
  for (const Sample::Token k : problem.seen) {
    point.value.push_back(start.value[k]);
    point.importance.push_back(problem.fixed_importance ? 0 : start.importance[k]);
  }
  if (!problem.background) return point;
  const double unnoticed =
      *std::min_element(start.importance.begin(), start.importance.end()) - 4 * kImportanceBound;
  const Background background = start.background.value_or(Background{0, unnoticed});
  point.value.push_back(background.value);
  point.importance.push_back(background.importance);
  return point;
}

/// A few steps from every start, then on to the end from the best.
Descent descend_from_best(const SlalomProblem& problem, const SlalomOptions& options,
                          std::vector<SlalomPoint> starts, SlalomFit& fit) {
  constexpr Index kFirstSteps = 8;
  std::vector<Descent> descents;
  double first = std::numeric_limits<double>::infinity();
  for (SlalomPoint& start : starts) {
    descents.push_back(begin_descent(problem, std::move(start)));
    first = std::min(first, descents.back().error);
    if (starts.size() > 1) descend(problem, options, kFirstSteps, descents.back());
  }
  Descent& best = *std::min_element(descents.begin(), descents.end(),
                                    [](const Descent& a, const Descent& b) { return a.error < b.error; });
  descend(problem, options, options.max_iterations, best);
  for (const Descent& descent : descents) fit.iterations += descent.iterations;
  fit.starts += static_cast<Index>(descents.size());
  fit.first_mse = first / problem.total_weight;
  return std::move(best);
}

/// The model with background holds plain SLALOM and the affine bag of words as limits. Descents start near
/// both, and the result is compared with both.
Descent descend_with_background(const Sample& sample, const SlalomProblem& problem,
                                const SlalomOptions& options, std::vector<SlalomPoint> starts,
                                SlalomFit& fit) {
  std::vector<SlalomPoint> limits = {equal_importances(problem, kImportanceBound)};
  starts.push_back(equal_importances(problem, 0));
  starts.push_back(equal_importances(problem, 4));
  const SlalomProblem plain_problem(
      sample, {.fixed_importance = options.fixed_importance, .ridge = options.ridge}, true);
  if (plain_problem.rows() > 0) {
    SlalomFit plain;
    SlalomPoint point =
        descend_from_best(plain_problem, options, {equal_importances(plain_problem, 0)}, plain).point;
    fit.iterations += plain.iterations;
    point.value.push_back(problem.mean);
    point.importance.push_back(-2 * kImportanceBound);
    limits.push_back(point);
    point.importance.back() = -3;
    starts.push_back(std::move(point));
  }
  Descent best = descend_from_best(problem, options, std::move(starts), fit);
  for (SlalomPoint& limit : limits) {
    Descent descent = begin_descent(problem, std::move(limit));
    if (descent.error >= best.error) continue;
    descend(problem, options, options.max_iterations, descent);
    fit.iterations += descent.iterations;
    best = std::move(descent);
  }
  return best;
}

// --- standard errors -------------------------------------------------------------------------------------

/// From σ² (JᵀWJ)⁻¹ of the scaled system with a ridge ε. Along a direction that the sample leaves open its
/// inverse is 1/ε, far above the variance inflation of any parameter that is determined: that tells which
/// are, and ε tr(inverse) counts the open directions.
class StandardErrors {
 public:
  StandardErrors(const SlalomProblem& problem, const SlalomPoint& point, double squared_error)
      : problem_(problem) {
    constexpr double kLargestInflation = 1e9;
    const NormalEquations normal = normal_equations(problem, point, true);
    free_ = free_parameters(problem, point, normal);
    const Index size = static_cast<Index>(free_.size());
    system_ = scaled_system(problem, normal, free_, 0);
    if (size == 0 || !cholesky(size, system_.matrix.data())) return;
    cholesky_inverse(size, system_.matrix.data());
    double open = 0;
    for (Index i = 0; i < size; ++i) {
      const double inflation = system_.matrix[i * size + i];
      open += kRidge * inflation;
      if (inflation > kLargestInflation) continue;
      if (free_[i] < problem.tokens())
        values_.push_back(i);
      else
        importances_.push_back(i);
    }
    const bool gauge = !problem.fixed_importance && free_.back() >= problem.tokens();
    const Index rank = size - static_cast<Index>(std::lround(open)) - (gauge ? 1 : 0);
    // Kish's effective number: texts of little weight are little evidence.
    const double observations = problem.total_weight * problem.total_weight / problem.squared_weights;
    if (observations > static_cast<double>(rank))
      variance_ = squared_error / (observations - static_cast<double>(rank));
  }

  void write(SlalomFit& fit) const {
    for (const Index i : values_) {
      const Index k = free_[i];
      (k == problem_.words() ? fit.background_se.value : fit.value_se[problem_.seen[k]]) =
          std::sqrt(variance_ * covariance(i, i));
    }
    write_importances(fit);
  }

 private:
  double covariance(Index i, Index j) const {
    const Index size = static_cast<Index>(free_.size());
    return system_.matrix[i * size + j] / (system_.root_diagonal[i] * system_.root_diagonal[j]);
  }

  /// Of s_k − mean of the tokens' importances that are determined. A shift common to all cancels, whatever
  /// the inverse holds along it. With fixed importances the background's is free alone and the mean is 0.
  void write_importances(SlalomFit& fit) const {
    std::vector<Index> words;
    for (const Index i : importances_)
      if (free_[i] - problem_.tokens() < problem_.words()) words.push_back(i);
    const double scale = words.empty() ? 0 : 1 / static_cast<double>(words.size());
    double mean_variance = 0;
    for (const Index i : words)
      for (const Index j : words) mean_variance += covariance(i, j) * scale * scale;
    for (const Index i : importances_) {
      double with_mean = 0;
      for (const Index j : words) with_mean += covariance(i, j) * scale;
      const Index k = free_[i] - problem_.tokens();
      (k == problem_.words() ? fit.background_se.importance : fit.importance_se[problem_.seen[k]]) =
          std::sqrt(variance_ * std::max(0.0, covariance(i, i) - 2 * with_mean + mean_variance));
    }
  }

  const SlalomProblem& problem_;
  std::vector<Index> free_, values_, importances_;  // positions of the determined ones in free_
  ScaledSystem system_;
  double variance_ = kNaN;
};

/// The same descent with bounded values, if that is nearly as good as free and no worse than the start:
/// within the first bound that costs little enough.
void prefer_bounded_values(const SlalomProblem& problem, const SlalomOptions& options, double first_error,
                           Descent& best) {
  if (problem.largest_deviation == 0) return;
  const Descent free = best;
  const double spread = std::max(0.0, problem.squares - problem.total_weight * problem.mean * problem.mean);
  for (const ValueBound& tried : kValueBounds) {
    const double most = tried.ranges / kValueBounds[0].ranges * problem.largest_deviation;
    const auto beyond = [&](double v) { return std::abs(v - problem.mean) > most; };
    if (std::none_of(free.point.value.begin(), free.point.value.end(), beyond)) return;
    SlalomPoint point = free.point;
    settle(problem, point, most);
    Descent bounded = begin_descent(problem, std::move(point));
    bounded.largest_deviation = most;
    descend(problem, options, options.max_iterations, bounded);
    if (bounded.error > free.error + std::max(tried.cost * free.error, tried.little * spread) ||
        bounded.error > first_error)
      continue;
    bounded.iterations += free.iterations;
    best = std::move(bounded);
    return;
  }
}

void write_model(const SlalomProblem& problem, const Descent& best, Index tokens, SlalomFit& fit) {
  fit.model.value.assign(static_cast<std::size_t>(tokens), 0);
  fit.model.importance.assign(static_cast<std::size_t>(tokens), 0);
  Index bounded = 0, additive = 0;
  double furthest = 0;  // in ranges of the log-odds
  for (const double v : best.point.value) {
    additive += std::abs(v - problem.mean) >= (1 - 1e-6) * problem.largest_deviation;
    furthest =
        std::max(furthest, std::abs(v - problem.mean) / problem.largest_deviation * kValueBounds[0].ranges);
  }
  for (Index k = 0; k < problem.words(); ++k) {
    const double importance = best.point.importance[k];
    fit.model.value[problem.seen[k]] = best.point.value[k];
    fit.model.importance[problem.seen[k]] = importance;
    bounded += at_bound(problem, k, importance, importance > 0);
  }
  if (problem.background) {
    const double importance = best.point.importance.back();
    fit.model.background = Background{best.point.value.back(), importance};
    if (at_bound(problem, problem.words(), importance, false))
      fit.warnings.push_back("the background weighs nothing: plain SLALOM fits as well");
    if (at_bound(problem, problem.words(), importance, true))
      fit.warnings.push_back("the background outweighs every token: an additive model fits as well");
  }
  if (tokens > problem.words())
    fit.warnings.push_back(text(tokens - problem.words(), " of ", tokens,
                                " tokens never occur in the sample; their value and importance are 0"));
  if (bounded > 0)
    fit.warnings.push_back(text(bounded, " of ", tokens, " importances are at their bound, ",
                                kImportanceBound, " from the mean"));
  if (additive > 0 && problem.largest_deviation > 0)
    fit.warnings.push_back(
        text(additive, additive == 1 ? " value lies" : " values lie", " up to ", std::round(furthest),
             " ranges of the log-odds from their mean: such a token acts additively, and only "
             "exp(importance) * value is determined"));
  if (!best.converged) fit.warnings.push_back(text("no convergence after ", best.iterations, " iterations"));
}

}  // namespace

SlalomFit fit_slalom(const Sample& sample, const SlalomOptions& options) {
  sample.check();
  const SlalomProblem problem(sample, options, false);
  if (2 * problem.tokens() > kMostSlalomParameters)
    throw Error(
        text("[slalom] ", 2 * problem.tokens(), " parameters, wanted at most ", kMostSlalomParameters),
        "identification (slalom-exact without extra pairs) needs no fit");
  SlalomFit fit;
  std::vector<SlalomPoint> starts;
  if (options.start) starts.push_back(given_start(problem, *options.start, sample.tokens));
  constexpr double kExact = 1e-20;  // of Σ w F²: such a start needs no other
  const bool exact = !starts.empty() && begin_descent(problem, starts[0]).error <= kExact * problem.squares;
  Descent best;
  if (exact) {
    best = descend_from_best(problem, options, std::move(starts), fit);
  } else if (problem.background) {
    best = descend_with_background(sample, problem, options, std::move(starts), fit);
  } else {
    starts.push_back(equal_importances(problem, 0));
    best = descend_from_best(problem, options, std::move(starts), fit);
  }
  prefer_bounded_values(problem, options, fit.first_mse * problem.total_weight, best);
  const double error = squared_error(problem, best.point);
  fit.mse = error / problem.total_weight;
  fit.converged = best.converged;
  write_model(problem, best, sample.tokens, fit);
  fit.value_se.assign(fit.model.value.size(), kNaN);
  fit.importance_se = fit.value_se;
  fit.background_se = {kNaN, kNaN};
  StandardErrors(problem, best.point, error).write(fit);
  return fit;
}

}  // namespace slalom
