#include "slalom/surrogate/slalom_regression.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "slalom/base/interrupt.hpp"
#include "slalom/base/parallel.hpp"
#include "slalom/kernels/gemm.hpp"
#include "slalom/kernels/least_squares.hpp"

namespace slalom::detail {

double CountRows::length(Index i) const {
  return std::accumulate(row(i), row(i) + tokens, 0.0);
}

CountRows CountRows::subset(std::span<const Index> rows) const {
  CountRows part{std::ssize(rows), tokens, {}, {}, {}};
  for (const Index i : rows) {
    part.count.insert(part.count.end(), row(i), row(i) + tokens);
    part.target.push_back(target[i]);
    part.weight.push_back(weight[i]);
  }
  return part;
}

CountRows count_rows(const Sample& sample) {
  CountRows rows{sample.texts(), sample.tokens, {}, sample.target, {}};
  rows.count.resize(static_cast<std::size_t>(rows.texts * rows.tokens));
  for (Index i = 0; i < rows.texts; ++i) {
    for (const Sample::Token k : sample.text(i)) ++rows.count[i * rows.tokens + k];
    rows.weight.push_back(sample.weight_of(i));
  }
  return rows;
}

namespace {

/// w_k and u_k + β g_k at x.
struct Weights {
  std::vector<double> weight, part;
  double background = 0;

  Weights(const SlalomParameters& at, std::span<const double> x) {
    const double factor = at.guide.empty() ? 0 : x[at.factor()];
    for (Index k = 0; k < at.tokens; ++k) {
      weight.push_back(std::exp(x[at.importance() + k]));
      part.push_back(x[k] + (at.guide.empty() ? 0 : factor * at.guide[k]));
    }
    if (at.background) background = std::exp(x[at.log_background()]);
  }
};

/// Prediction of one row and, unless null, its derivatives by the first `columns` parameters:
///   ∂F/∂u_k = c_k / Z,  ∂F/∂m = Σ c_k w_k / Z,  ∂F/∂β = Σ c_k g_k / Z,  ∂F/∂v_0 = B / Z,
///   ∂F/∂s_k = c_k w_k (m − F) / Z,  ∂F/∂log B = B (v_0 − F) / Z.
double predict_row(const SlalomParameters& at, std::span<const double> x, const Weights& w,
                   const double* count, double* derivative, Index columns) {
  const double mean = x[at.mean()];
  double weight = 0, parts = 0;
  for (Index k = 0; k < at.tokens; ++k) {
    weight += count[k] * w.weight[k];
    parts += count[k] * w.part[k];
  }
  const double Z = w.background + weight, v0 = at.background ? x[at.background_value()] : 0;
  const double F = (w.background * v0 + weight * mean + parts) / Z;
  if (derivative == nullptr) return F;
  for (Index k = 0; k < at.tokens; ++k) derivative[k] = count[k] / Z;
  // Not in the loop above: the compiler would make a version of it with fused products and one without, and
  // choose by whether the arrays may overlap. The last bits would depend on addresses.
  double guided = 0;
  if (!at.guide.empty())
    guided = std::inner_product(derivative, derivative + at.tokens, at.guide.begin(), 0.0);
  derivative[at.mean()] = weight / Z;
  if (!at.guide.empty()) derivative[at.factor()] = guided;
  if (at.background) derivative[at.background_value()] = w.background / Z;
  if (columns == at.linear()) return F;
  for (Index k = 0; k < at.tokens; ++k)
    derivative[at.importance() + k] = count[k] / Z * w.weight[k] * (mean - F);
  if (at.background) derivative[at.log_background()] = w.background / Z * (v0 - F);
  return F;
}

}  // namespace

std::vector<double> predict(const SlalomParameters& at, std::span<const double> x, const CountRows& rows,
                            std::vector<double>* derivatives, Index columns) {
  const Weights weights(at, x);
  std::vector<double> predicted(static_cast<std::size_t>(rows.texts));
  if (derivatives != nullptr) derivatives->resize(static_cast<std::size_t>(rows.texts * columns));
  parallel_ranges(rows.texts, 64, [&](Index first, Index last) {
    for (Index i = first; i < last; ++i)
      predicted[i] =
          predict_row(at, x, weights, rows.row(i),
                      derivatives == nullptr ? nullptr : derivatives->data() + i * columns, columns);
  });
  return predicted;
}

std::vector<double> residuals(const SlalomParameters& at, std::span<const double> x, const CountRows& rows) {
  std::vector<double> left = predict(at, x, rows);
  for (std::size_t i = 0; i < left.size(); ++i) left[i] = rows.target[i] - left[i];
  return left;
}

double sum_of_squares(const CountRows& rows, std::span<const double> residuals) {
  double sum = 0;
  for (Index i = 0; i < rows.texts; ++i) sum += rows.weight[i] * residuals[i] * residuals[i];
  return sum;
}

SlalomModel model_at(const SlalomParameters& at, std::span<const double> x) {
  const Weights weights(at, x);
  SlalomModel model;
  for (Index k = 0; k < at.tokens; ++k) {
    model.value.push_back(x[at.mean()] + weights.part[k] / weights.weight[k]);
    model.importance.push_back(x[at.importance() + k]);
  }
  if (at.background) model.background = Background{x[at.background_value()], x[at.log_background()]};
  model.centre();
  return model;
}

namespace {

double penalty_of(const SlalomParameters& at, const SlalomPenalties& penalties, Index p) {
  if (p < at.tokens) return penalties.part;
  return at.is_importance(p) ? penalties.importance : 0;
}

double objective_at(const SlalomRegression& problem, const SlalomPenalties& penalties,
                    std::span<const double> x) {
  const SlalomParameters& at = problem.parameters;
  double sum = sum_of_squares(*problem.rows, residuals(at, x, *problem.rows));
  if (penalties.support > 0 && problem.support != nullptr)
    sum += penalties.support * sum_of_squares(*problem.support, residuals(at, x, *problem.support));
  for (Index p = 0; p < at.size(); ++p) sum += penalty_of(at, penalties, p) * x[p] * x[p];
  return sum;
}

// Gauss and Newton: where F is replaced by its tangent, F(x + d) = F + J d, the objective is least at the d
// of
//   (JᵀWJ + κ J′ᵀJ′ + Λ) d = JᵀW (y − F) + κ J′ᵀ (y′ − F′) − Λ x,
// J (n, size) the derivatives of the rows, W their weights, J′ the derivatives of the supporting rows, Λ the
// penalties on the diagonal.
// The matrix is half the objective's Hessian but for the curvature of F itself.

/// JᵀWJ of the rows alone (size, size), the matrix above, lower triangles, and its right-hand side, by the
/// first `size` parameters.
struct NormalEquations {
  Index size = 0;
  std::vector<double> of_rows, matrix, gradient;
  double residual = 0;  // Σ weight (y − F)² of the rows
};

/// Adds factor · JᵀWJ, its lower triangle of blocks, and factor · JᵀW (y − F); returns Σ weight (y − F)².
double add_rows(const SlalomParameters& at, std::span<const double> x, const CountRows& rows, double factor,
                Index size, std::vector<double>& matrix, std::vector<double>& gradient) {
  constexpr Index kBlock = 64;
  std::vector<double> J;
  std::vector<double> r = predict(at, x, rows, &J, size);
  for (Index i = 0; i < rows.texts; ++i) {
    const double root = std::sqrt(factor * rows.weight[i]);
    r[i] = rows.target[i] - r[i];
    for (Index p = 0; p < size; ++p) {
      J[i * size + p] *= root;
      gradient[p] += J[i * size + p] * root * r[i];
    }
  }
  parallel_ranges(size, kBlock, [&](Index first, Index last) {
    gemm<double>(last - first, last, rows.texts, {J.data() + first, size, Layout::transposed},
                 {J.data(), size}, 1.0, matrix.data() + first * size, size);
  });
  return sum_of_squares(rows, r);
}

NormalEquations normal_equations(const SlalomRegression& problem, const SlalomPenalties& penalties,
                                 std::span<const double> x, Index size) {
  const SlalomParameters& at = problem.parameters;
  NormalEquations normal{size,
                         std::vector<double>(static_cast<std::size_t>(size * size)),
                         {},
                         std::vector<double>(static_cast<std::size_t>(size))};
  normal.residual = add_rows(at, x, *problem.rows, 1, size, normal.of_rows, normal.gradient);
  normal.matrix = normal.of_rows;
  if (penalties.support > 0 && problem.support != nullptr)
    add_rows(at, x, *problem.support, penalties.support, size, normal.matrix, normal.gradient);
  for (Index p = 0; p < size; ++p) {
    const double penalty = penalty_of(at, penalties, p);
    normal.matrix[p * (size + 1)] += penalty;
    normal.gradient[p] -= penalty * x[p];
  }
  return normal;
}

/// Without a penalty the parts u make up for any m and β, which then stay where they are; and so does an
/// importance at its bound that would go on.
bool is_free(const SlalomRegression& problem, const SlalomPenalties& penalties, const NormalEquations& normal,
             std::span<const double> x, Index p) {
  const SlalomParameters& at = problem.parameters;
  if (penalties.part == 0 && (p == at.mean() || (!at.guide.empty() && p == at.factor()))) return false;
  if (!(normal.matrix[p * (normal.size + 1)] > 1e-290)) return false;
  if (p < at.linear()) return true;
  if (!at.is_importance(p)) return !problem.fixed_background;
  if (problem.fixed_importance) return false;
  return normal.gradient[p] > 0 ? x[p] < kImportanceBound : x[p] > -kImportanceBound;
}

/// D^{−1/2} (H + damping) D^{−1/2} over the free parameters, D the diagonal of H: parameters of very
/// different sizes are told apart by one tolerance. Importances are damped by their mean diagonal element, so
/// that one about which the texts say little does not run away; log B by its own.
struct ScaledSystem {
  std::vector<Index> free;
  std::vector<double> matrix, root;
};
ScaledSystem scaled_system(const SlalomRegression& problem, const SlalomPenalties& penalties,
                           const NormalEquations& normal, std::span<const double> x, double damping) {
  const SlalomParameters& at = problem.parameters;
  ScaledSystem system;
  double sum = 0;  // of the importances' diagonal
  for (Index p = 0; p < normal.size; ++p)
    if (is_free(problem, penalties, normal, x, p)) {
      system.free.push_back(p);
      system.root.push_back(std::sqrt(normal.matrix[p * (normal.size + 1)]));
      if (at.is_importance(p)) sum += normal.matrix[p * (normal.size + 1)];
    }
  const Index n = std::ssize(system.free);
  const double level = sum / static_cast<double>(std::max<Index>(1, at.tokens));
  system.matrix.resize(static_cast<std::size_t>(n * n));
  for (Index i = 0; i < n; ++i) {
    const Index p = system.free[i];
    for (Index j = 0; j <= i; ++j)
      system.matrix[i * n + j] =
          normal.matrix[p * normal.size + system.free[j]] / (system.root[i] * system.root[j]);
    if (at.is_importance(p))
      system.matrix[i * (n + 1)] += damping * level / (system.root[i] * system.root[i]);
    else if (p >= at.linear())
      system.matrix[i * (n + 1)] += damping;
  }
  return system;
}

/// Adds the damped Newton step to x; an importance, and log B, moves by at most kLongestStep: F is linear in
/// them nowhere near as far. False if there is none.
bool add_step(const SlalomRegression& problem, const SlalomPenalties& penalties,
              const NormalEquations& normal, double damping, std::vector<double>& x) {
  constexpr double kLongestStep = 2;
  constexpr double kRidge = 1e-12;  // of a diagonal of 1: far below what a determined number needs
  const SlalomParameters& at = problem.parameters;
  ScaledSystem system = scaled_system(problem, penalties, normal, x, damping);
  const Index n = std::ssize(system.free);
  for (Index i = 0; i < n; ++i) system.matrix[i * (n + 1)] += kRidge;
  if (n == 0 || !cholesky(n, system.matrix.data())) return false;
  std::vector<double> step(static_cast<std::size_t>(n));
  for (Index i = 0; i < n; ++i) step[i] = normal.gradient[system.free[i]] / system.root[i];
  cholesky_solve(n, system.matrix.data(), step.data());
  for (Index i = 0; i < n; ++i) {
    const Index p = system.free[i];
    const double change = step[i] / system.root[i];
    if (!std::isfinite(change)) return false;
    if (p < at.linear()) {
      x[p] += change;
      continue;
    }
    const double lowest = at.is_importance(p) ? -kImportanceBound : -2 * kImportanceBound;
    x[p] = std::clamp(x[p] + std::clamp(change, -kLongestStep, kLongestStep), lowest, kImportanceBound);
  }
  return true;
}

}  // namespace

SlalomDescent descend(const SlalomRegression& problem, const SlalomPenalties& penalties,
                      std::vector<double> start, Index iterations, double tolerance) {
  constexpr double kLeastDamping = 1e-13, kMostDamping = 1e10;
  const Index size = problem.parameters.size(), linear = problem.parameters.linear();
  SlalomDescent descent{std::move(start)};
  descent.objective = objective_at(problem, penalties, descent.x);
  double damping = 1e-3;
  while (descent.gain >= tolerance && descent.iterations < iterations) {
    check_interrupt();
    const NormalEquations normal = normal_equations(problem, penalties, descent.x, size);
    std::vector<double> candidate;
    double objective = INFINITY;
    for (; damping < kMostDamping; damping *= 5) {
      candidate = descent.x;
      if (!add_step(problem, penalties, normal, damping, candidate)) continue;
      add_step(problem, penalties, normal_equations(problem, penalties, candidate, linear), 0, candidate);
      objective = objective_at(problem, penalties, candidate);
      if (objective < descent.objective) break;
    }
    descent.gain = objective < descent.objective ? 1 - objective / descent.objective : 0;
    if (objective < descent.objective) {
      descent.objective = objective;
      descent.x = std::move(candidate);
      damping = std::max(damping / 5, kLeastDamping);
    }
    ++descent.iterations;
  }
  return descent;
}

SlalomCurvature curvature(const SlalomRegression& problem, const SlalomPenalties& penalties,
                          std::span<const double> x) {
  const Index size = problem.parameters.size();
  SlalomCurvature result;
  const NormalEquations normal = normal_equations(problem, penalties, x, size);
  result.residual = normal.residual;
  const ScaledSystem system = scaled_system(problem, penalties, normal, x, 0);
  const Index n = std::ssize(system.free);
  std::vector<double> matrix = system.matrix;
  std::vector<Index> kept = independent_rows(n, matrix.data(), 1e-11);
  Index rank = std::ssize(kept);
  matrix.resize(static_cast<std::size_t>(rank * rank));
  const auto scaled = [&](Index i, Index j) { return system.matrix[std::max(i, j) * n + std::min(i, j)]; };
  for (Index a = 0; a < rank; ++a)
    for (Index b = 0; b <= a; ++b) matrix[a * rank + b] = scaled(kept[a], kept[b]);
  if (!cholesky(rank, matrix.data())) {  // what overflows determines nothing
    kept.clear();
    rank = 0;
  }
  std::vector<double> factor = matrix;
  cholesky_inverse(rank, matrix.data());
  result.inverse.assign(static_cast<std::size_t>(size * size), 0);
  for (Index a = 0; a < rank; ++a)
    for (Index b = 0; b < rank; ++b) {
      const Index p = system.free[kept[a]], q = system.free[kept[b]];
      const double inverse = matrix[a * rank + b] / (system.root[kept[a]] * system.root[kept[b]]);
      result.inverse[p * size + q] = inverse;
      result.freedom += inverse * normal.of_rows[std::max(p, q) * size + std::min(p, q)];
    }
  // A parameter d that was left out follows from those that are kept: the direction that moves d by 1 and
  // them by −H_kept⁻¹ H_kept,d changes no row.
  std::vector<bool> is_kept(static_cast<std::size_t>(n));
  for (const Index i : kept) is_kept[i] = true;
  for (Index d = 0; d < n; ++d) {
    if (is_kept[d]) continue;
    std::vector<double> others(static_cast<std::size_t>(rank)), direction(static_cast<std::size_t>(size));
    for (Index a = 0; a < rank; ++a) others[a] = -scaled(kept[a], d);
    cholesky_solve(rank, factor.data(), others.data());
    direction[system.free[d]] = 1 / system.root[d];
    for (Index a = 0; a < rank; ++a)
      if (std::abs(others[a]) > 1e-6) direction[system.free[kept[a]]] = others[a] / system.root[kept[a]];
    result.open.push_back(std::move(direction));
  }
  return result;
}

}  // namespace slalom::detail
