#include "slalom/surrogate/mixed_model.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>

#include "slalom/base/error.hpp"
#include "slalom/kernels/gemm.hpp"
#include "slalom/kernels/least_squares.hpp"

namespace slalom {

MixedDesign MixedDesign::subset(std::span<const Index> chosen) const {
  MixedDesign part{std::ssize(chosen), fixed, random, {}, {}, {}, {}};
  for (const Index i : chosen) {
    part.Z.insert(part.Z.end(), Z.begin() + i * fixed, Z.begin() + (i + 1) * fixed);
    part.X.insert(part.X.end(), X.begin() + i * random, X.begin() + (i + 1) * random);
    part.y.push_back(y[i]);
    if (!P.empty())
      for (const Index j : chosen) part.P.push_back(P[i * rows + j]);
  }
  return part;
}

namespace {

/// The parts of V that do not depend on λ and ρ.
class MixedLikelihood {
 public:
  explicit MixedLikelihood(const MixedDesign& design)
      : design_(design), gram_(static_cast<std::size_t>(design.rows * design.rows)) {
    const Index n = design.rows, r = design.random;
    gemm<double>(n, n, r, {design.X.data(), r}, {design.X.data(), r, Layout::transposed}, 0.0, gram_.data(), n);
    scale_ = mean_diagonal(gram_);
  }

  double mean_diagonal(const std::vector<double>& matrix) const {
    double sum = 0;
    for (Index i = 0; i < design_.rows; ++i) sum += matrix[i * (design_.rows + 1)];
    return sum > 0 ? sum / static_cast<double>(design_.rows) : 1;
  }
  double scale() const { return scale_; }

  MixedFit at(double lambda, double rho) const {
    const Index n = design_.rows, f = design_.fixed;
    std::vector<double> V(gram_.size());
    const bool with_P = rho > 0;
    for (std::size_t i = 0; i < V.size(); ++i) V[i] = gram_[i] / lambda + (with_P ? rho * design_.P[i] : 0);
    for (Index i = 0; i < n; ++i) V[i * (n + 1)] += 1;
    MixedFit fit{lambda, rho, {}, {}, {}, 0, std::numeric_limits<double>::infinity()};
    if (!cholesky(n, V.data())) return fit;
    std::vector<double> solved(static_cast<std::size_t>(f * n)), normal(static_cast<std::size_t>(f * f)),
        right(static_cast<std::size_t>(f));  // rows: V⁻¹ of the columns of Z
    for (Index j = 0; j < f; ++j) {
      double* column = solved.data() + j * n;
      for (Index i = 0; i < n; ++i) column[i] = design_.Z[i * f + j];
      cholesky_solve(n, V.data(), column);
      for (Index i = 0; i < n; ++i) {
        right[j] += column[i] * design_.y[i];
        for (Index k = 0; k < f; ++k) normal[j * f + k] += column[i] * design_.Z[i * f + k];
      }
    }
    const LeastSquares free = minimum_norm_least_squares(f, f, normal, right);
    fit.a = free.solution;
    fit.residual = design_.y;
    for (Index i = 0; i < n; ++i)
      for (Index j = 0; j < f; ++j) fit.residual[i] -= design_.Z[i * f + j] * fit.a[j];
    const std::vector<double> left = fit.residual;
    cholesky_solve(n, V.data(), fit.residual.data());
    const double observations = static_cast<double>(std::max<Index>(1, n - free.rank)),
                 square = std::max(0.0, std::inner_product(left.begin(), left.end(), fit.residual.begin(), 0.0));
    fit.variance = square / observations;
    fit.criterion = observations * std::log(std::max(fit.variance, 1e-300));
    for (Index i = 0; i < n; ++i) fit.criterion += 2 * std::log(V[i * (n + 1)]);
    for (Index j = 0; j < free.rank; ++j) fit.criterion += std::log(free.singular_values[j]);
    fit.u.assign(static_cast<std::size_t>(design_.random), 0);
    for (Index i = 0; i < n; ++i)
      for (Index k = 0; k < design_.random; ++k)
        fit.u[k] += design_.X[i * design_.random + k] * fit.residual[i] / lambda;
    return fit;
  }

 private:
  const MixedDesign& design_;
  std::vector<double> gram_;
  double scale_ = 1;
};

/// The x between lowest and highest at which f is least: the best of a grid of factors of 100, then golden
/// section between its neighbours.
double least_on_log_scale(double lowest, double highest, const std::function<double(double)>& f) {
  double best = lowest, least = std::numeric_limits<double>::infinity();
  for (double x = lowest; x <= highest * 1.001; x *= 100)
    if (const double y = f(x); y < least) {
      least = y;
      best = x;
    }
  constexpr double kGolden = 0.6180339887498949;
  double from = std::log(std::max(lowest, best / 100)), to = std::log(std::min(highest, best * 100));
  double a = to - kGolden * (to - from), b = from + kGolden * (to - from);
  double fa = f(std::exp(a)), fb = f(std::exp(b));
  for (int step = 0; step < 7; ++step) {
    if (fa < fb) {
      to = b;
      b = a;
      fb = fa;
      fa = f(std::exp(a = to - kGolden * (to - from)));
    } else {
      from = a;
      a = b;
      fa = fb;
      fb = f(std::exp(b = from + kGolden * (to - from)));
    }
  }
  return std::min(fa, fb) < least ? std::exp(fa < fb ? a : b) : best;
}

}  // namespace

MixedFit fit_mixed_at(const MixedDesign& design, double lambda, double rho) {
  return MixedLikelihood(design).at(lambda, rho);
}

MixedFit fit_mixed(const MixedDesign& design, bool with_P) {
  const MixedLikelihood likelihood(design);
  const double scale = likelihood.scale();
  double rho = 0;
  const auto best_lambda = [&] {
    return least_on_log_scale(1e-10 * scale, 1e6 * scale,
                              [&](double x) { return likelihood.at(x, rho).criterion; });
  };
  double lambda = best_lambda();
  if (with_P && !design.P.empty()) {
    const double unit = 1 / likelihood.mean_diagonal(design.P);
    rho = least_on_log_scale(1e-2 * unit, 1e4 * unit,
                             [&](double x) { return likelihood.at(lambda, x).criterion; });
    lambda = best_lambda();
    rho = least_on_log_scale(std::max(1e-2 * unit, rho / 100), std::min(1e4 * unit, rho * 100),
                             [&](double x) { return likelihood.at(lambda, x).criterion; });
  }
  return likelihood.at(lambda, rho);
}

}  // namespace slalom
