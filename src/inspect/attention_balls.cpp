#include <algorithm>
#include <cmath>

#include "slalom/base/parallel.hpp"
#include "slalom/inspect/balls.hpp"

namespace slalom {

namespace {

constexpr double u = kUnitRoundoff;
constexpr double kUnderflow = 1e-300;         // exp returns 0 for less
constexpr double kSigmoidCurvature = 0.0963;  // |σ″| is at most 1 / (6 √3)

// What one head makes of one query. The exact scores are s + δ, |δ_j| ≤ slack_j, and the exact z is z′. For a
// softmax p, and z = Σ p v, for which Σ p (v − z) = 0,
//   z′ − z = Σ p (e^δ − 1) (v − z) / Σ p e^δ,
// where |e^δ − 1 − δ| ≤ slack² e^slack / 2 and Σ p e^δ ≥ e^−Σ p slack. For weights w(s) that are not divided,
//   z′ − z = Σ (w(s + δ) − w(s)) v, |w(s + δ) − w(s) − w′ δ| ≤ slack² max|w″| / 2.
// Both are factor · Σ (slope δ + curve slack² / 2) (v − centre).
class Head {
 public:
  Head(const Balls& q, const Balls& k, const Balls& v, Index query, Index first, Index width, Index keys)
      : q_(q), k_(k), v_(v), i_(query), first_(first), d_(width), keys_(keys) {}

  void read(AttentionKind kind, std::span<const double> counts, double* z);
  /// Bound of the size of key j's exact weight.
  double most(std::size_t j) const {
    return up(factor_ *
              (std::abs(weight_[j]) + slope_[j] * slack_[j] + curve_[j] * slack_[j] * slack_[j] / 2));
  }

  /// Bounds of ‖z′ − z‖: by a change of the query, and of each key, of length 1; by everything else.
  double by_query = 0, by_rest = 0;
  std::vector<double> by_key;

 private:
  const double* query() const { return q_.row(i_) + first_; }
  const double* key(Index j) const { return k_.row(j) + first_; }
  const double* value(Index j) const { return v_.row(j) + first_; }
  void center_keys();
  void score();
  void softmax(std::span<const double> counts);
  void weigh(AttentionKind kind);
  double moment(const std::vector<double>& centre) const;

  const Balls &q_, &k_, &v_;
  Index i_, first_, d_, keys_;
  double scale_ = 1 / std::sqrt(static_cast<double>(d_)), factor_ = 1;
  std::vector<double> key_centre_ = std::vector<double>(static_cast<std::size_t>(d_));
  std::vector<double> score_, slack_, other_;  // other: of the slack, what is neither a query's nor a key's
  std::vector<double> weight_, slope_, curve_;
};

// What moves all scores alike changes no softmax: the query's change counts times the distance from any
// point.
void Head::center_keys() {
  for (Index j = 0; j < keys_; ++j)
    for (Index c = 0; c < d_; ++c)
      key_centre_[static_cast<std::size_t>(c)] += key(j)[c] / static_cast<double>(keys_);
}

void Head::score() {
  const double size = norm_bound(query(), d_), away = q_.radius_of(i_);
  for (Index j = 0; j < keys_; ++j) {
    score_.push_back(accurate_dot(query(), key(j), d_) * scale_);
    other_.push_back(
        up(scale_ * (away * k_.radius_of(j) + twice_precise(d_) * size * norm_bound(key(j), d_)) +
           5 * u * std::abs(score_.back())));
    const double spread = away * distance_bound(key(j), key_centre_.data(), d_) + size * k_.radius_of(j);
    slack_.push_back(up(scale_ * spread + other_.back()));
  }
}

void Head::softmax(std::span<const double> counts) {
  const double top = std::ranges::max(score_);
  for (const double s : score_) weight_.push_back(std::exp(s - top));
  const double total = accurate_dot(weight_.data(), counts.data(), keys_);
  double mean_slack = 0;
  for (std::size_t j = 0; j < weight_.size(); ++j) {
    const double rounding = u * std::abs(score_[j] - top) + 2 * kLibraryError;
    other_[j] = up(other_[j] + rounding);
    slack_[j] = up(slack_[j] + rounding);
    weight_[j] *= counts[j] / total;
    if (counts[j] > 0) {
      weight_[j] += kUnderflow;
      mean_slack += weight_[j] * slack_[j];
    }
    curve_.push_back(weight_[j] > 0 ? weight_[j] * std::exp(slack_[j]) : 0);
  }
  slope_ = weight_;
  factor_ = up(std::exp(up(mean_slack + 8 * u)));
}

void Head::weigh(AttentionKind kind) {
  for (const double s : score_) {
    const double sigmoid = 1 / (1 + std::exp(-s));
    const bool is_sigmoid = kind == AttentionKind::sigmoid, is_linear = kind == AttentionKind::linear;
    weight_.push_back(is_sigmoid ? sigmoid : is_linear ? s : 1);
    slope_.push_back(is_sigmoid ? up(sigmoid * (1 - sigmoid) + 8 * u) : is_linear ? 1 : 0);
    curve_.push_back(is_sigmoid ? kSigmoidCurvature : 0);
  }
}

// ‖Σ slope (v − centre) (k − key centre)ᵀ‖_F, by which a change of the query moves z.
double Head::moment(const std::vector<double>& centre) const {
  std::vector<double> matrix(static_cast<std::size_t>(d_ * d_));
  double rounding = 0;
  for (Index j = 0; j < keys_; ++j) {
    const double slope = slope_[static_cast<std::size_t>(j)];
    for (Index a = 0; a < d_; ++a)
      for (Index b = 0; b < d_; ++b)
        matrix[static_cast<std::size_t>(a * d_ + b)] +=
            slope * (value(j)[a] - centre[static_cast<std::size_t>(a)]) *
            (key(j)[b] - key_centre_[static_cast<std::size_t>(b)]);
    rounding +=
        slope * distance_bound(value(j), centre.data(), d_) * distance_bound(key(j), key_centre_.data(), d_);
  }
  return up(norm_bound(matrix.data(), d_ * d_) + gamma_bound(keys_ + 4) * rounding);
}

void Head::read(AttentionKind kind, std::span<const double> counts, double* z) {
  const bool divided = kind == AttentionKind::softmax;
  if (divided) center_keys();
  score();
  if (divided)
    softmax(counts);
  else
    weigh(kind);
  double sizes = 0;
  for (Index j = 0; j < keys_; ++j) {
    const double w = weight_[static_cast<std::size_t>(j)];
    for (Index c = 0; c < d_; ++c) z[c] += w * value(j)[c];
    sizes += std::abs(w) * norm_bound(value(j), d_);
  }
  std::vector<double> centre(static_cast<std::size_t>(d_));
  if (divided) centre.assign(z, z + d_);
  by_query = up(factor_ * scale_ * moment(centre));
  // The sum's rounding; of a softmax, that its weights do not quite sum to 1; of a sigmoid, its own.
  by_rest = gamma_bound(keys_ + 1) * sizes + 8 * u * norm_bound(z, d_);
  if (kind == AttentionKind::sigmoid) by_rest += 2 * kLibraryError * sizes;
  for (Index j = 0; j < keys_; ++j) {
    const auto at = static_cast<std::size_t>(j);
    const double away = distance_bound(value(j), centre.data(), d_);
    by_key.push_back(up(factor_ * scale_ * norm_bound(query(), d_) * slope_[at] * away));
    if (slope_[at] > 0)
      by_rest += (slope_[at] * other_[at] + curve_[at] * slack_[at] * slack_[at] / 2) * away;
  }
  by_rest = up(factor_ * by_rest);
}

// std::max would lose a NaN, which says that nothing is known.
double larger(double a, double b) {
  return std::isnan(b) || b > a ? b : a;
}

// Heads read different columns: what each makes of a change of length 1 is at most the largest of them for
// all together.
double attend_row(AttentionKind kind, const Balls& q, const Balls& k, const Balls& v, Index heads,
                  Index query, std::span<const double> counts, double* z) {
  const Index d = q.columns / heads;
  std::vector<double> by_key(counts.size()), by_value(counts.size());
  double by_query = 0, rest = 0, radius = 0;
  for (Index h = 0; h < heads; ++h) {
    Head head(q, k, v, query, h * d, d, std::ssize(counts));
    head.read(kind, counts, z + h * d);
    by_query = larger(by_query, head.by_query);
    rest += head.by_rest * head.by_rest;
    for (std::size_t j = 0; j < counts.size(); ++j) {
      by_key[j] = larger(by_key[j], head.by_key[j]);
      by_value[j] = larger(by_value[j], head.most(j));
    }
  }
  for (std::size_t j = 0; j < counts.size(); ++j)
    radius += by_key[j] * k.radius[j] + by_value[j] * v.radius[j];
  return up(radius + by_query * q.radius_of(query) + up(std::sqrt(rest)));
}

}  // namespace

Balls attend(AttentionKind kind, const Balls& q, const Balls& k, const Balls& v, Index heads,
             std::span<const Index> visible, std::span<const double> counts) {
  const std::vector<double> ones(static_cast<std::size_t>(k.rows()), 1.0);
  if (counts.empty()) counts = ones;
  Balls z(q.rows(), q.columns);
  parallel_for(q.rows(), [&](Index i) {
    const auto keys = static_cast<std::size_t>(visible[static_cast<std::size_t>(i)]);
    z.radius_of(i) = attend_row(kind, q, k, v, heads, i, counts.first(keys), z.row(i));
  });
  return z;
}

}  // namespace slalom
