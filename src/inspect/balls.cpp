#include "slalom/inspect/balls.hpp"

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <limits>

#include "slalom/base/parallel.hpp"
#include "slalom/kernels/gemm.hpp"
#include "slalom/kernels/rowwise.hpp"

namespace slalom {

namespace {

static_assert(std::numeric_limits<double>::is_iec559 && FLT_EVAL_METHOD == 0,
              "proofs need IEEE 754 binary64");

constexpr double u = kUnitRoundoff;
constexpr double kGeluSlope = 1.13;   // both forms of GELU are steepest near √2, with 1.129
constexpr Index kLanes = 32;          // of an inner product: enough to keep the adders busy
constexpr Index kOutputsAtOnce = 16;  // of a linear map, on one thread

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

double gamma_bound(Index n) {
  const double nu = static_cast<double>(n) * u;
  return nu / (1 - nu);
}

double twice_precise(Index n) {
  const double gamma = gamma_bound(2 * (n + kLanes + 2));
  return gamma * gamma;
}

double up(double bound) {
  return bound * (1 + 0x1p-30) + 1e-150;
}

double norm_bound(const double* x, Index n) {
  double squares = 0;
  for (Index i = 0; i < n; ++i) squares += x[i] * x[i];
  return up(std::sqrt(squares) * (1 + gamma_bound(n)));
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
  const double squared =
      spectral_bound(gram.data(), n, n, grams - 1) + gamma_bound(k) * frobenius * frobenius;
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

Balls above(const Balls& a, const Balls& b) {
  Balls y = a;
  y.middle.insert(y.middle.end(), b.middle.begin(), b.middle.end());
  y.radius.insert(y.radius.end(), b.radius.begin(), b.radius.end());
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
    x.radius_of(i) = up(slope * x.radius_of(i) + 2 * kLibraryError * norm_bound(x.row(i), x.columns));
  bias_activation_columns<double>(0, x.columns, x.rows(), x.columns, nullptr, f, x.row(0), x.row(0));
  return x;
}

// f(c) = c / √(‖c‖² / D + eps), c = x − mean or x: to centre is a projection, f′ is (1 − c cᵀ / (D s²)) / s
// with s = √(‖c‖² / D + eps), of norm 1 / s at most, and ‖f‖ ≤ √D.
Balls layer_norm(Balls x, const double* weight, const double* bias, double eps) {
  const Index D = x.columns;
  const auto width = static_cast<double>(D);
  const std::vector<double> ones(static_cast<std::size_t>(D), 1.0);
  const double largest = std::abs(
      *std::max_element(weight, weight + D, [](double a, double b) { return std::abs(a) < std::abs(b); }));
  for (Index i = 0; i < x.rows(); ++i) {
    double* row = x.row(i);
    const double mean = bias == nullptr ? 0 : accurate_dot(row, ones.data(), D) / width;
    const double moved = std::sqrt(width) * 3 * u * std::abs(mean) + twice_precise(D) * norm_bound(row, D);
    for (Index j = 0; j < D; ++j) row[j] -= mean;
    const double length = norm_bound(row, D);
    const double away = up(x.radius_of(i) + moved + u * length);
    const double nearest = std::max(0.0, length * (1 - 0x1p-28) - away);
    const double least = std::sqrt(nearest * nearest / width + eps) * (1 - 0x1p-28);
    const double deviation = std::sqrt(accurate_dot(row, row, D) / width + eps);
    for (Index j = 0; j < D; ++j) row[j] = row[j] / deviation * weight[j] + (bias == nullptr ? 0 : bias[j]);
    x.radius_of(i) = up(largest * (std::min(away / least, 2 * std::sqrt(width)) + 5 * u * std::sqrt(width)) +
                        u * norm_bound(row, D));
  }
  return x;
}

// The angle is off by at most 28 u place (pow and a product), cos and sin by that and 16 u, a pair by √2
// times that and a few u of its length.
Balls rotate(Balls x, Index head_width, Index first_place) {
  const Index half = head_width / 2;
  for (Index i = 0; i < x.rows(); ++i) {
    const auto place = static_cast<double>(first_place + i);
    x.radius_of(i) = up(x.radius_of(i) + 64 * u * (place + 1) * norm_bound(x.row(i), x.columns));
    for (Index j = 0; j < half; ++j) {
      const double angle = place * std::pow(10000.0, -static_cast<double>(j) / static_cast<double>(half)),
                   c = std::cos(angle), s = std::sin(angle);
      for (double* head = x.row(i); head < x.row(i) + x.columns; head += head_width) {
        const double a = head[j], b = head[half + j];
        head[j] = a * c - b * s;
        head[half + j] = a * s + b * c;
      }
    }
  }
  return x;
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
