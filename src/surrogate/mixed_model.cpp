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

/// V⁻¹ and log |V|. Without P, and with fewer columns r in X than rows, only M = λ I + XᵀX (r, r) is
/// factored:
///   V⁻¹ = I − X M⁻¹ Xᵀ (Woodbury),  log |V| = log |M| − r log λ (Sylvester),  Xᵀ V⁻¹ / λ = M⁻¹ Xᵀ.
class Precision {
 public:
  /// gram: X Xᵀ, or XᵀX where `narrow` says that M is factored.
  Precision(const MixedDesign& design, const std::vector<double>& gram, bool narrow, double lambda,
            double rho)
      : design_(design),
        size_(narrow ? design.random : design.rows),
        narrow_(narrow),
        lambda_(lambda),
        factor_(gram) {
    for (std::size_t i = 0; i < factor_.size(); ++i)
      factor_[i] = narrow ? factor_[i] : factor_[i] / lambda + (rho > 0 ? rho * design.P[i] : 0);
    for (Index i = 0; i < size_; ++i) factor_[i * (size_ + 1)] += narrow ? lambda : 1;
    exists_ = cholesky(size_, factor_.data());
    for (Index i = 0; i < size_; ++i)
      log_determinant_ += 2 * std::log(factor_[i * (size_ + 1)]) - (narrow ? std::log(lambda) : 0);
  }
  bool exists() const { return exists_; }
  double log_determinant() const { return log_determinant_; }

  /// column ← V⁻¹ column.
  void apply(double* column) const {
    if (!narrow_) {
      cholesky_solve(size_, factor_.data(), column);
      return;
    }
    const std::vector<double> inner = random_part(column);
    for (Index i = 0; i < design_.rows; ++i)
      column[i] -= std::inner_product(inner.begin(), inner.end(), design_.X.begin() + i * size_, 0.0);
  }

  /// u = Xᵀ V⁻¹ column / λ.
  std::vector<double> random_part(const double* column) const {
    std::vector<double> solved(column, column + design_.rows), u(static_cast<std::size_t>(design_.random));
    if (!narrow_) apply(solved.data());
    for (Index i = 0; i < design_.rows; ++i)
      for (Index k = 0; k < design_.random; ++k)
        u[k] += design_.X[i * design_.random + k] * solved[i] / (narrow_ ? 1 : lambda_);
    if (narrow_) cholesky_solve(size_, factor_.data(), u.data());
    return u;
  }

 private:
  const MixedDesign& design_;
  Index size_;
  bool narrow_, exists_ = false;
  double lambda_;
  std::vector<double> factor_;
  double log_determinant_ = 0;
};

/// The restricted likelihood of one design at any λ and ρ: the products that all of them share.
class MixedLikelihood {
 public:
  explicit MixedLikelihood(const MixedDesign& design)
      : design_(design), gram_(static_cast<std::size_t>(design.rows * design.rows)) {
    const Index n = design.rows, r = design.random;
    gemm<double>(n, n, r, {design.X.data(), r}, {design.X.data(), r, Layout::transposed}, 0.0, gram_.data(),
                 n);
    scale_ = mean_diagonal(gram_);
    if (r >= n) return;
    narrow_gram_.resize(static_cast<std::size_t>(r * r));
    gemm<double>(r, r, n, {design.X.data(), r, Layout::transposed}, {design.X.data(), r}, 0.0,
                 narrow_gram_.data(), r);
  }

  double mean_diagonal(const std::vector<double>& matrix) const {
    double sum = 0;
    for (Index i = 0; i < design_.rows; ++i) sum += matrix[i * (design_.rows + 1)];
    return sum > 0 ? sum / static_cast<double>(design_.rows) : 1;
  }
  double scale() const { return scale_; }

  MixedFit at(double lambda, double rho) const {
    const Index n = design_.rows, f = design_.fixed;
    const bool narrow = rho == 0 && !narrow_gram_.empty();
    const Precision precision(design_, narrow ? narrow_gram_ : gram_, narrow, lambda, rho);
    MixedFit fit{lambda, rho, {}, {}, {}, 0, std::numeric_limits<double>::infinity()};
    if (!precision.exists()) return fit;
    // Zᵀ V⁻¹ Z a = Zᵀ V⁻¹ y, by columns of V⁻¹ Z. Columns of Z may depend on each other.
    std::vector<double> column(static_cast<std::size_t>(n)), normal(static_cast<std::size_t>(f * f)),
        right(static_cast<std::size_t>(f));
    for (Index j = 0; j < f; ++j) {
      for (Index i = 0; i < n; ++i) column[i] = design_.Z[i * f + j];
      precision.apply(column.data());
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
    precision.apply(fit.residual.data());
    const double observations = static_cast<double>(std::max<Index>(1, n - free.rank)),
                 square =
                     std::max(0.0, std::inner_product(left.begin(), left.end(), fit.residual.begin(), 0.0));
    fit.variance = square / observations;
    fit.criterion = observations * std::log(std::max(fit.variance, 1e-300)) + precision.log_determinant();
    for (Index j = 0; j < free.rank; ++j) fit.criterion += std::log(free.singular_values[j]);
    fit.u = precision.random_part(left.data());
    return fit;
  }

 private:
  const MixedDesign& design_;
  std::vector<double> gram_, narrow_gram_;
  double scale_ = 1;
};

/// The x between lowest and highest at which f is least: the best of a grid of factors of 100, since the
/// likelihood may have several maxima, then golden section between its neighbours.
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
  double lambda = 0, rho = 0;
  const auto best_lambda = [&](double lowest, double highest) {
    return least_on_log_scale(lowest, highest, [&](double x) { return likelihood.at(x, rho).criterion; });
  };
  lambda = best_lambda(1e-10 * scale, 1e6 * scale);
  if (with_P && !design.P.empty()) {
    const double unit = 1 / likelihood.mean_diagonal(design.P);
    const auto best_rho = [&](double lowest, double highest) {
      return least_on_log_scale(lowest, highest,
                                [&](double x) { return likelihood.at(lambda, x).criterion; });
    };
    rho = best_rho(1e-2 * unit, 1e4 * unit);
    lambda = best_lambda(lambda / 100, lambda * 100);
    rho = best_rho(rho / 100, rho * 100);
    lambda = best_lambda(lambda / 100, lambda * 100);
  }
  return likelihood.at(lambda, rho);
}

}  // namespace slalom
