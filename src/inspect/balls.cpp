#include "slalom/inspect/balls.hpp"

#include <algorithm>
#include <cmath>

#include "slalom/base/parallel.hpp"
#include "slalom/kernels/gemm.hpp"
#include "slalom/kernels/rowwise.hpp"

namespace slalom {

namespace {

constexpr double u = kUnitRoundoff;
constexpr double kLibrary = 16 * u;   // relative error of 8 units in the last place
constexpr double kGeluSlope = 1.13;   // both forms of GELU are steepest near √2, with 1.129
constexpr Index kLanes = 32;          // of an inner product: enough to keep the adders busy
constexpr Index kOutputsAtOnce = 16;  // of a linear map, on one thread

double gamma(Index n) {
  const double nu = static_cast<double>(n) * u;
  return nu / (1 - nu);
}

// What accurate_dot errs by beside u |result|: this, times Σ|a||b|.
double twice_precise(Index n) {
  return gamma(2 * (n + kLanes + 2)) * gamma(2 * (n + kLanes + 2));
}

// sum + x = the new sum + what is added to rest, exactly but for the rounding of rest (Knuth).
void add_exactly(double x, double& sum, double& rest) {
  const double next = sum + x, added = next - sum;
  rest += (sum - (next - added)) + (x - added);
  sum = next;
}

}  // namespace

Balls::Balls(Index row_count, Index column_count)
    : columns(column_count),
      middle(static_cast<std::size_t>(row_count * column_count)),
      radius(static_cast<std::size_t>(row_count)) {}

Balls Balls::only(Index i) const {
  Balls one(1, columns);
  std::copy_n(row(i), columns, one.row(0));
  one.radius.front() = radius_of(i);
  return one;
}

double up(double bound) {
  return bound * (1 + 0x1p-30) + 1e-150;
}

double norm_bound(const double* x, Index n) {
  double squares = 0;
  for (Index i = 0; i < n; ++i) squares += x[i] * x[i];
  return up(std::sqrt(squares));
}

double distance_bound(const double* a, const double* b, Index n) {
  double squares = 0;
  for (Index i = 0; i < n; ++i) squares += (a[i] - b[i]) * (a[i] - b[i]);
  return up(std::sqrt(squares));
}

double accurate_dot(const double* a, const double* b, Index n, double start) {
  double sum[kLanes] = {start}, rest[kLanes] = {};
  const auto step = [&](Index lane, double x, double y) {
    const double product = x * y;
    rest[lane] += std::fma(x, y, -product);
    add_exactly(product, sum[lane], rest[lane]);
  };
  Index i = 0;
  for (; i + kLanes <= n; i += kLanes)
    for (Index lane = 0; lane < kLanes; ++lane) step(lane, a[i + lane], b[i + lane]);
  for (; i < n; ++i) step(i % kLanes, a[i], b[i]);
  for (Index lane = 1; lane < kLanes; ++lane) {
    add_exactly(sum[lane], sum[0], rest[0]);
    rest[0] += rest[lane];
  }
  return sum[0] + rest[0];
}

namespace {

// ‖A‖₂² = ‖AᵀA‖₂, and ‖A‖₂ ≤ ‖A‖_F: the more Gram matrices, the smaller a power of what the latter
// overstates.
double spectral_bound(const double* a, Index rows, Index columns, int grams) {
  const double frobenius = norm_bound(a, rows * columns);
  if (grams == 0) return frobenius;
  const Index n = std::min(rows, columns), k = std::max(rows, columns);
  std::vector<double> gram(static_cast<std::size_t>(n * n));
  const Factor<double> plain{a, columns}, transposed{a, columns, Layout::transposed};
  const bool wide = rows <= columns;
  gemm(n, n, k, wide ? plain : transposed, wide ? transposed : plain, 0.0, gram.data(), n);
  const double squared = spectral_bound(gram.data(), n, n, grams - 1) + gamma(k) * frobenius * frobenius;
  return std::min(frobenius, up(std::sqrt(up(squared))));
}

// Rounded up to nine bits.
double coarse(double x) {
  int exponent = 0;
  const double fraction = std::frexp(x, &exponent);
  return std::ldexp(std::ceil(fraction * 512), exponent - 9);
}

}  // namespace

LinearMap linear_map(const double* weight, const double* bias, Index outputs, Index inputs) {
  constexpr int kGrams = 6;
  return {weight,
          bias,
          outputs,
          inputs,
          coarse(spectral_bound(weight, outputs, inputs, kGrams)),
          norm_bound(weight, outputs * inputs)};
}

Balls apply(const LinearMap& map, const Balls& x) {
  Balls y(x.rows(), map.outputs);
  parallel_ranges(map.outputs, kOutputsAtOnce, [&](Index first, Index last) {
    for (Index i = 0; i < x.rows(); ++i)
      for (Index o = first; o < last; ++o)
        y.row(i)[o] = accurate_dot(map.weight + o * map.inputs, x.row(i), map.inputs,
                                   map.bias == nullptr ? 0 : map.bias[o]);
  });
  const double bias = map.bias == nullptr ? 0 : norm_bound(map.bias, map.outputs);
  for (Index i = 0; i < x.rows(); ++i) {
    const double terms = map.frobenius * norm_bound(x.row(i), x.columns) + bias;  // ≥ ‖|W| |x| + |b|‖
    y.radius_of(i) = up(map.spectral * x.radius_of(i) + u * norm_bound(y.row(i), y.columns) +
                        twice_precise(map.inputs + 1) * terms);
  }
  return y;
}

Balls sum(const Balls& a, const Balls& b) {
  Balls y = a;
  for (Index i = 0; i < y.rows(); ++i) {
    for (Index j = 0; j < y.columns; ++j) y.row(i)[j] += b.row(i)[j];
    y.radius_of(i) = up(a.radius_of(i) + b.radius_of(i) + u * norm_bound(y.row(i), y.columns));
  }
  return y;
}

// Rounding: of GELU's factor Φ or (1 + tanh) / 2, which is at most 1, a few u for the rounded argument t, as
// |t| times the slope at t stays below 1/2, and two units of the library for erfc or 1 + tanh, at most 2.
Balls activate(Activation f, Balls x) {
  if (f == Activation::none) return x;
  const double slope = f == Activation::gelu_erf || f == Activation::gelu_tanh ? kGeluSlope : 1;
  for (Index i = 0; i < x.rows(); ++i)
    x.radius_of(i) = up(slope * x.radius_of(i) + 2 * kLibrary * norm_bound(x.row(i), x.columns));
  bias_activation_columns<double>(0, x.columns, x.rows(), x.columns, nullptr, f, x.row(0), x.row(0));
  return x;
}

// f(c) = c / √(‖c‖² / D + eps), c = x − mean: to centre is a projection, f′ is (1 − c cᵀ / (D s²)) / s with
// s = √(‖c‖² / D + eps), of norm 1 / s at most, and ‖f‖ ≤ √D.
Balls layer_norm(Balls x, const double* weight, const double* bias, double eps) {
  const Index D = x.columns;
  const auto width = static_cast<double>(D);
  const std::vector<double> ones(static_cast<std::size_t>(D), 1.0);
  const double largest = std::abs(
      *std::max_element(weight, weight + D, [](double a, double b) { return std::abs(a) < std::abs(b); }));
  for (Index i = 0; i < x.rows(); ++i) {
    double* row = x.row(i);
    const double mean = accurate_dot(row, ones.data(), D) / width;
    const double moved = std::sqrt(width) * 3 * u * std::abs(mean) + twice_precise(D) * norm_bound(row, D);
    for (Index j = 0; j < D; ++j) row[j] -= mean;
    const double length = norm_bound(row, D);
    const double away = up(x.radius_of(i) + moved + u * length);
    const double nearest = std::max(0.0, length * (1 - 0x1p-28) - away);
    const double least = std::sqrt(nearest * nearest / width + eps) * (1 - 0x1p-28);
    const double deviation = std::sqrt(accurate_dot(row, row, D) / width + eps);
    for (Index j = 0; j < D; ++j) row[j] = row[j] / deviation * weight[j] + bias[j];
    x.radius_of(i) = up(largest * (std::min(away / least, 2 * std::sqrt(width)) + 5 * u * std::sqrt(width)) +
                        u * norm_bound(row, D));
  }
  return x;
}

namespace {

// What one head makes of one query. With the exact scores s + δ, |δ_j| ≤ slack_j, and z = Σ p v, p =
// softmax(s),
//   z′ − z = Σ p (e^δ − 1) (v − z) / Σ p e^δ,
// as Σ p (v − z) = 0. Here |e^δ − 1 − δ| ≤ slack² e^slack / 2, and Σ p e^δ ≥ e^−Σ p slack.
class Head {
 public:
  Head(const Balls& q, const Balls& k, const Balls& v, Index query, Index first, Index width, Index keys)
      : q_(q), k_(k), v_(v), i_(query), first_(first), d_(width), keys_(keys) {}

  void read(std::span<const double> counts, double* z);
  /// Bound of the exact weight.
  double most(std::size_t j) const { return up(inverse_sum_ * weight[j] * std::exp(slack_[j])); }

  std::vector<double> weight;  // p
  /// Of z in the Euclidean norm: for a change of the query, and of each key, of size 1; by everything else.
  double by_query = 0, by_rest = 0;
  std::vector<double> by_key;

 private:
  const double* query() const { return q_.row(i_) + first_; }
  const double* key(Index j) const { return k_.row(j) + first_; }
  const double* value(Index j) const { return v_.row(j) + first_; }
  void score(std::span<const double> counts);
  std::vector<double> mean_key() const;
  double covariance(const double* z) const;

  const Balls &q_, &k_, &v_;
  Index i_, first_, d_, keys_;
  double scale_ = 1 / std::sqrt(static_cast<double>(d_)), inverse_sum_ = 1;
  std::vector<double> mean_ = mean_key(), slack_, rest_;  // k̄; bounds of |δ|, of what is not linear in it
};

// What moves all scores alike changes no weight: the query's change counts times k − k̄.
std::vector<double> Head::mean_key() const {
  std::vector<double> mean(static_cast<std::size_t>(d_));
  for (Index j = 0; j < keys_; ++j)
    for (Index c = 0; c < d_; ++c)
      mean[static_cast<std::size_t>(c)] += key(j)[c] / static_cast<double>(keys_);
  return mean;
}

void Head::score(std::span<const double> counts) {
  constexpr double kUnderflow = 1e-300;
  const double size = norm_bound(query(), d_), away = q_.radius_of(i_);
  std::vector<double> scores;
  for (Index j = 0; j < keys_; ++j) scores.push_back(accurate_dot(query(), key(j), d_) * scale_);
  const double top = std::ranges::max(scores);
  for (const double s : scores) weight.push_back(std::exp(s - top));
  const double total = accurate_dot(weight.data(), counts.data(), keys_);
  double mean_slack = 0;
  for (Index j = 0; j < keys_; ++j) {
    const auto at = static_cast<std::size_t>(j);
    weight[at] *= counts[at] / total;
    if (counts[at] > 0) weight[at] += kUnderflow;
    const double rounding = scale_ * twice_precise(d_) * size * norm_bound(key(j), d_) +
                            5 * u * std::abs(scores[at]) + u * std::abs(scores[at] - top) + 2 * kLibrary;
    const double linear = scale_ * (away * distance_bound(key(j), mean_.data(), d_) + size * k_.radius_of(j));
    const double other = up(scale_ * away * k_.radius_of(j) + rounding), slack = up(linear + other);
    slack_.push_back(slack);
    rest_.push_back(up(other + slack * slack / 2 * std::exp(slack)));
    mean_slack += weight[at] > 0 ? weight[at] * slack : 0;
  }
  inverse_sum_ = up(std::exp(up(mean_slack + 8 * u)));
}

// ‖Σ p (v − z) (k − k̄)ᵀ‖_F, by which a change of the query moves z.
double Head::covariance(const double* z) const {
  std::vector<double> matrix(static_cast<std::size_t>(d_ * d_));
  double rounding = 0;
  for (Index j = 0; j < keys_; ++j) {
    const double p = weight[static_cast<std::size_t>(j)];
    for (Index a = 0; a < d_; ++a)
      for (Index b = 0; b < d_; ++b)
        matrix[static_cast<std::size_t>(a * d_ + b)] +=
            p * (value(j)[a] - z[a]) * (key(j)[b] - mean_[static_cast<std::size_t>(b)]);
    rounding += p * distance_bound(value(j), z, d_) * distance_bound(key(j), mean_.data(), d_);
  }
  return up(norm_bound(matrix.data(), d_ * d_) + gamma(keys_ + 4) * rounding);
}

void Head::read(std::span<const double> counts, double* z) {
  score(counts);
  double sizes = 0;
  for (Index j = 0; j < keys_; ++j) {
    const double p = weight[static_cast<std::size_t>(j)];
    for (Index c = 0; c < d_; ++c) z[c] += p * value(j)[c];
    sizes += p * norm_bound(value(j), d_);
  }
  by_query = up(inverse_sum_ * scale_ * covariance(z));
  by_rest = gamma(keys_ + 1) * sizes + 8 * u * norm_bound(z, d_);
  for (Index j = 0; j < keys_; ++j) {
    const auto at = static_cast<std::size_t>(j);
    const double pull = weight[at] > 0 ? weight[at] * distance_bound(value(j), z, d_) : 0;
    by_key.push_back(up(inverse_sum_ * scale_ * norm_bound(query(), d_) * pull));
    if (pull > 0) by_rest += pull * rest_[at];
  }
  by_rest = up(inverse_sum_ * by_rest);
}

// Heads read different columns: what each makes of a change of length 1 is at most the largest of them for
// all together.
double attend_row(const Balls& q, const Balls& k, const Balls& v, Index heads, Index query, Index keys,
                  std::span<const double> counts, double* z) {
  const Index d = q.columns / heads;
  const auto J = static_cast<std::size_t>(keys);
  std::vector<double> by_key(J), by_value(J);
  double by_query = 0, rest = 0, radius = 0;
  for (Index h = 0; h < heads; ++h) {
    Head head(q, k, v, query, h * d, d, keys);
    head.read(counts.first(J), z + h * d);
    by_query = std::max(by_query, head.by_query);
    rest += head.by_rest * head.by_rest;
    for (std::size_t j = 0; j < J; ++j) {
      by_key[j] = std::max(by_key[j], head.by_key[j]);
      by_value[j] = std::max(by_value[j], head.most(j));
    }
  }
  for (Index j = 0; j < keys; ++j) {
    const auto at = static_cast<std::size_t>(j);
    radius += by_key[at] * k.radius_of(j) + by_value[at] * v.radius_of(j);
  }
  return up(radius + by_query * q.radius_of(query) + up(std::sqrt(rest)));
}

}  // namespace

Balls attend(const Balls& q, const Balls& k, const Balls& v, Index heads, std::span<const Index> visible,
             std::span<const double> counts) {
  const std::vector<double> ones(static_cast<std::size_t>(k.rows()), 1.0);
  Balls z(q.rows(), q.columns);
  parallel_for(q.rows(), [&](Index i) {
    z.radius_of(i) = attend_row(q, k, v, heads, i, visible[static_cast<std::size_t>(i)],
                                counts.empty() ? ones : counts, z.row(i));
  });
  return z;
}

Balls between_rows(const Balls& x) {
  Balls y(x.rows() - 1, x.columns);
  for (Index i = 0; i < y.rows(); ++i) {
    const double *a = x.row(i), *b = x.row(i + 1);
    for (Index j = 0; j < x.columns; ++j) y.row(i)[j] = (a[j] + b[j]) / 2;
    y.radius_of(i) = up(x.radius_of(i) + x.radius_of(i + 1) + distance_bound(a, b, x.columns) / 2 +
                        u * norm_bound(y.row(i), y.columns));
  }
  return y;
}

}  // namespace slalom
