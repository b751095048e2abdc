#include "slalom/surrogate/gam.hpp"

#include <algorithm>
#include <cmath>

#include "slalom/base/error.hpp"
#include "slalom/surrogate/linear.hpp"

namespace slalom {

namespace {

// The same texts over tokens that know their position: a GAM on tokens is the linear model of these.
struct PositionedSample {
  Sample sample;             // its tokens are numbers of columns
  Index positions = 0;       // P
  std::vector<Index> place;  // (columns) where a column stands in (P, K); ascending, only those that occur
};

PositionedSample positioned(const Sample& sample) {
  sample.check();
  PositionedSample result;
  for (Index i = 0; i < sample.texts(); ++i)
    result.positions = std::max(result.positions, std::ssize(sample.text(i)));
  std::vector<Sample::Token> column(result.positions * sample.tokens, -1);
  const auto place = [&](Index i, Index position) {
    return position * sample.tokens + sample.token[sample.begin[i] + position];
  };
  for (Index i = 0; i < sample.texts(); ++i)
    for (Index p = 0; p < std::ssize(sample.text(i)); ++p) column[place(i, p)] = 0;
  for (Index c = 0; c < std::ssize(column); ++c)
    if (column[c] == 0) {
      column[c] = static_cast<Sample::Token>(result.place.size());
      result.place.push_back(c);
    }
  result.sample = sample;
  result.sample.tokens = std::ssize(result.place);
  for (Index i = 0; i < sample.texts(); ++i)
    for (Index p = 0; p < std::ssize(sample.text(i)); ++p)
      result.sample.token[sample.begin[i] + p] = column[place(i, p)];
  return result;
}

GamModel gam_model(const PositionedSample& from, Index tokens, double intercept,
                   const std::vector<double>& weight) {
  GamModel model{intercept, from.positions, tokens, std::vector<double>(from.positions * tokens)};
  for (std::size_t c = 0; c < weight.size(); ++c) model.weight[from.place[c]] = weight[c];
  return model;
}

// Cyclic coordinate descent on ‖y − Xw‖² / 2 + n alpha ‖w‖₁ with centred y and columns of X. A step on w_j
// needs x_jᵀ(y − Xw), which is kept for all j with the help of XᵀX.
class Lasso {
 public:
  Lasso(const Sample& sample, double alpha)
      : sample_(sample),
        n_(static_cast<double>(sample.texts())),
        penalty_(n_ * alpha),
        columns_(sample.tokens),
        mean_(columns_),
        gram_(columns_ * columns_),
        weight_(columns_) {
    for (const double y : sample.target) mean_target_ += y;
    mean_target_ /= n_;
    for (const Sample::Token c : sample.token) ++mean_[c];
    for (double& mean : mean_) mean /= n_;
    for (Index i = 0; i < sample.texts(); ++i)
      for (const Sample::Token a : sample.text(i))
        for (const Sample::Token b : sample.text(i)) ++gram_[a * columns_ + b];
    for (Index a = 0; a < columns_; ++a)
      for (Index b = 0; b < columns_; ++b) gram_[a * columns_ + b] -= n_ * mean_[a] * mean_[b];
    refresh();
    target_squares_ = residual_squares_;
  }

  // One cycle over all columns; the largest change of a fitted value's norm, ‖x_j‖ |change of w_j|.
  double sweep() {
    double largest = 0;
    for (Index j = 0; j < columns_; ++j) {
      const double* row = gram_.data() + j * columns_;
      if (row[j] <= 1e-12 * n_) continue;  // a column that never changes belongs to the intercept
      const double wish = slope_[j] + row[j] * weight_[j];
      const double w = std::copysign(std::max(std::abs(wish) - penalty_, 0.0), wish) / row[j];
      const double change = w - weight_[j];
      if (change == 0) continue;
      weight_[j] = w;
      for (Index k = 0; k < columns_; ++k) slope_[k] -= change * row[k];
      largest = std::max(largest, std::abs(change) * std::sqrt(row[j]));
    }
    return largest;
  }

  // Residuals and Xᵀ(y − Xw) from the texts, free of what the updates have added up in rounding errors.
  void refresh() {
    slope_.assign(columns_, 0);
    residual_squares_ = residual_target_ = 0;
    double sum = 0;
    const double constant = intercept();
    for (Index i = 0; i < sample_.texts(); ++i) {
      double r = sample_.target[i] - constant;
      for (const Sample::Token c : sample_.text(i)) r -= weight_[c];
      for (const Sample::Token c : sample_.text(i)) slope_[c] += r;
      residual_squares_ += r * r;
      residual_target_ += r * (sample_.target[i] - mean_target_);
      sum += r;
    }
    for (Index c = 0; c < columns_; ++c) slope_[c] -= mean_[c] * sum;
  }

  // Of the problem times n, at the weights of the last refresh: the dual point is the residual, shrunk until
  // no column is steeper than the penalty.
  double gap() const {
    double steepest = 0, norm = 0;
    for (const double s : slope_) steepest = std::max(steepest, std::abs(s));
    for (const double w : weight_) norm += std::abs(w);
    const double shrink = steepest > penalty_ ? penalty_ / steepest : 1;
    return residual_squares_ * (1 + shrink * shrink) / 2 + penalty_ * norm - shrink * residual_target_;
  }

  double intercept() const {
    double b = mean_target_;
    for (Index c = 0; c < columns_; ++c) b -= mean_[c] * weight_[c];
    return b;
  }
  const std::vector<double>& weight() const { return weight_; }
  double target_squares() const { return target_squares_; }

 private:
  const Sample& sample_;
  double n_, penalty_;
  Index columns_;
  double mean_target_ = 0, target_squares_ = 0, residual_squares_ = 0, residual_target_ = 0;
  std::vector<double> mean_, gram_, weight_, slope_;
};

}  // namespace

double GamModel::predict(std::span<const Sample::Token> text) const {
  double sum = intercept;
  const Index known = std::min(positions, std::ssize(text));
  for (Index p = 0; p < known; ++p) sum += weight[p * tokens + text[p]];
  return sum;
}

GamFit fit_gam(const Sample& sample) {
  const PositionedSample positions = positioned(sample);
  const LinearFit linear = fit_linear(positions.sample);
  return {gam_model(positions, sample.tokens, linear.model.intercept, linear.model.weight), linear.rank};
}

GamFit fit_gam_lasso(const Sample& sample, double alpha, double tolerance) {
  constexpr Index kMostSweeps = 10000, kSweepsBetweenGaps = 10;
  if (!(alpha > 0) || !std::isfinite(alpha))
    throw Error(concat("[gam] alpha is ", alpha, ", wanted a positive number"));
  if (!sample.weight.empty()) throw Error("[gam] the Lasso is for samples without weights");
  const PositionedSample positions = positioned(sample);
  if (positions.sample.tokens > kMostDesignEntries / std::max<Index>(1, positions.sample.tokens))
    throw Error(concat("[gam] ", positions.sample.tokens,
                       " columns, wanted at most 11585: their products take 1 GB"));
  Lasso lasso(positions.sample, alpha);
  GamFit fit;
  const double n = static_cast<double>(sample.texts()), scale = std::sqrt(lasso.target_squares());
  for (bool moves = true;;) {
    lasso.refresh();
    fit.gap = std::max(lasso.gap() / n, 0.0);
    if (fit.gap <= tolerance * lasso.target_squares() / n || !moves || fit.iterations >= kMostSweeps) break;
    for (Index i = 0; i < kSweepsBetweenGaps && moves; ++i, ++fit.iterations)
      moves = lasso.sweep() > 1e-15 * scale;
  }
  fit.model = gam_model(positions, sample.tokens, lasso.intercept(), lasso.weight());
  return fit;
}

}  // namespace slalom
