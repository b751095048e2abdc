#include "slalom/inspect/balls.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "../support/random_values.hpp"
#include "../support/real.hpp"
#include "../support/transformer_oracle.hpp"

using namespace slalom;
using namespace slalom::test;

namespace {

/// Rows of random numbers, and a point of each ball: its middle plus a random part of its radius.
struct Points {
  Balls balls;
  std::vector<double> inside;
};
Points random_points(Index rows, Index columns, double radius, std::uint64_t seed) {
  Points p{Balls(rows, columns), {}};
  p.balls.middle = random_values<double>(rows * columns, seed);
  const std::vector<double> steps = random_values<double>(rows * columns, seed + 1);
  p.inside = p.balls.middle;
  for (Index i = 0; i < rows; ++i) {
    p.balls.radius_of(i) = radius;
    const double length = norm_bound(steps.data() + i * columns, columns) * (1 + 1e-6);
    for (Index j = i * columns; j < (i + 1) * columns; ++j)
      p.inside[static_cast<std::size_t>(j)] += radius / length * steps[static_cast<std::size_t>(j)];
  }
  return p;
}

Points scaled(Points p, double scale) {
  for (auto* values : {&p.balls.middle, &p.inside})
    for (double& x : *values) x *= scale;
  for (double& x : p.balls.radius) x *= scale * (1 + 1e-15);
  return p;
}

/// Distance of a row from the middle, in radii.
double share(const Balls& balls, Index i, const std::vector<Real>& row) {
  REQUIRE(std::ssize(row) == balls.columns);
  Real squares = 0;
  for (Index j = 0; j < balls.columns; ++j) {
    const Real away = row[static_cast<std::size_t>(j)] - Real(balls.row(i)[j]);
    squares += away * away;
  }
  return static_cast<double>(sqrt(squares)) / balls.radius_of(i);
}

/// Checks that the exact results are inside, and, without a radius to start with and for numbers near 1, not
/// far from the border.
constexpr double kRadii[] = {0, 1e-9, 1e-3, 0.3};
void check(double radius, double worst, double size = 1) {
  CHECK(worst <= 1);
  if (radius == 0 && size == 1) CHECK(worst > 1e-2);
}

}  // namespace

TEST_CASE("accurate_dot: as in twice the precision") {
  CHECK(accurate_dot(nullptr, nullptr, 0, 2.5) == 2.5);
  const double large[] = {1e16, 1, -1e16, 3}, ones[] = {1, 1, 1, 1};
  CHECK(accurate_dot(large, ones, 4) == 4);
  CHECK(accurate_dot(large, ones, 4, 0.5) == 4.5);
  // (1 + 2^-30)² − 1 − 2^-29 = 2^-60: a product's rounding error.
  const double a[] = {1 + 0x1p-30, -1, -0x1p-29}, b[] = {1 + 0x1p-30, 1, 1};
  CHECK(accurate_dot(a, b, 3) == 0x1p-60);
  for (const Index n : {1, 31, 32, 33, 100, 1000}) {
    std::vector<double> x = random_values<double>(n, 7), y = random_values<double>(n, 8);
    Real exact = 0;
    for (std::size_t i = 0; i < x.size(); ++i) exact += Real(x[i]) * Real(y[i]);
    x.push_back(-static_cast<double>(exact));  // so that nearly all cancels
    y.push_back(1);
    exact -= Real(static_cast<double>(exact));
    CHECK(std::abs(static_cast<double>(exact) - accurate_dot(x.data(), y.data(), n + 1)) <= 1e-25);
  }
}

TEST_CASE("linear_map: bounds of norms, not far above them") {
  const std::vector<double> diagonal = {3, 0, 0, 0, -5, 0};  // (2, 3)
  const LinearMap d = linear_map(diagonal.data(), nullptr, 2, 3);
  CHECK(d.spectral >= 5);
  CHECK(d.spectral <= 5.05);
  CHECK(d.frobenius >= std::sqrt(34.0));
  CHECK(d.frobenius <= std::sqrt(34.0) * (1 + 1e-8));
  CHECK(linear_map(std::vector<double>(6).data(), nullptr, 3, 2).spectral <= 1e-60);
  // Power iteration from below.
  for (const auto& [rows, columns] : {std::pair<Index, Index>{40, 40}, {20, 70}, {70, 20}}) {
    const std::vector<double> w = random_values<double>(rows * columns, 3);
    std::vector<double> x(static_cast<std::size_t>(columns), 1), y(static_cast<std::size_t>(rows));
    double norm = 0;
    for (int step = 0; step < 300; ++step) {
      for (Index r = 0; r < rows; ++r)
        y[static_cast<std::size_t>(r)] = accurate_dot(w.data() + r * columns, x.data(), columns);
      norm = norm_bound(y.data(), rows) / norm_bound(x.data(), columns);
      for (Index c = 0; c < columns; ++c) {
        double sum = 0;
        for (Index r = 0; r < rows; ++r)
          sum += w[static_cast<std::size_t>(r * columns + c)] * y[static_cast<std::size_t>(r)];
        x[static_cast<std::size_t>(c)] = sum / (norm * norm);
      }
    }
    const double bound = linear_map(w.data(), nullptr, rows, columns).spectral;
    CHECK(bound >= norm * (1 - 1e-8));
    CHECK(bound <= 1.06 * norm);
  }
}

TEST_CASE("apply: holds W x + b") {
  const Index in = 50, out = 20;
  const std::vector<double> w = random_values<double>(out * in, 1), b = random_values<double>(out, 2);
  for (const double radius : kRadii) {
    double worst = 0;
    const Points x = random_points(30, in, radius, 4);
    const Balls y = apply(linear_map(w.data(), b.data(), out, in), x.balls);
    for (Index i = 0; i < 30; ++i) {
      std::vector<Real> row(b.begin(), b.end());
      for (Index o = 0; o < out; ++o)
        for (Index j = 0; j < in; ++j)
          row[static_cast<std::size_t>(o)] +=
              Real(w[static_cast<std::size_t>(o * in + j)]) * x.inside[static_cast<std::size_t>(i * in + j)];
      worst = std::max(worst, share(y, i, row));
    }
    check(radius, worst);
  }
}

TEST_CASE("activate: holds f(x)") {
  for (const Activation f : {Activation::gelu_erf, Activation::gelu_tanh, Activation::relu, Activation::tanh})
    for (const double radius : kRadii)
      for (const double size : {1.0, 1e-160, 30.0, 1e6}) {
        double worst = 0;
        const Points x = scaled(random_points(200, 3, radius, 5), size);
        const Balls y = activate(f, x.balls);
        for (Index i = 0; i < 200; ++i) {
          std::vector<Real> row;
          for (Index j = 0; j < 3; ++j)
            row.push_back(activated(f, Real(x.inside[static_cast<std::size_t>(3 * i + j)])));
          worst = std::max(worst, share(y, i, row));
        }
        if (f == Activation::relu && radius == 0)
          CHECK(worst == 0);
        else
          check(radius, worst, size);
      }
}

// By the mean value theorem the slope of GELU bounds differences: no two points are farther apart than 1.13
// times their distance, and near √2 some nearly are.
TEST_CASE("activate: the steepest slopes of GELU") {
  for (const Activation f : {Activation::gelu_erf, Activation::gelu_tanh}) {
    double steepest = 0;
    for (double x = -6; x < 6; x += 1e-3)
      steepest = std::max(steepest, std::abs(activated(f, x + 1e-5) - activated(f, x - 1e-5)) / 2e-5);
    CHECK(steepest > 1.128);
    CHECK(steepest < 1.1295);
  }
}

namespace {

/// Checks rows of a mean and about this standard deviation.
void check_layer_norm(double mean, double deviation, double eps, double radius) {
  const Index D = 40;
  const std::vector<double> weight = random_values<double>(D, 1), bias = random_values<double>(D, 2);
  double worst = 0;
  const Points p = random_points(30, D, radius, 4);
  Balls x = p.balls;
  for (double& m : x.middle) m = mean + deviation * m;
  const Balls y = layer_norm(x, weight.data(), bias.data(), eps);
  for (Index i = 0; i < 30; ++i) {
    const auto at = [&](Index j) {
      const auto k = static_cast<std::size_t>(i * D + j);
      return Real(x.middle[k]) + (Real(p.inside[k]) - Real(p.balls.middle[k]));
    };
    Real centre = 0, variance = 0;
    for (Index j = 0; j < D; ++j) centre += at(j) / Real(40);
    for (Index j = 0; j < D; ++j) variance += (at(j) - centre) * (at(j) - centre) / Real(40);
    std::vector<Real> row;
    for (Index j = 0; j < D; ++j)
      row.push_back((at(j) - centre) / sqrt(variance + Real(eps)) * weight[static_cast<std::size_t>(j)] +
                    bias[static_cast<std::size_t>(j)]);
    worst = std::max(worst, share(y, i, row));
  }
  check(radius, worst, deviation);
}

}  // namespace

TEST_CASE("layer_norm: holds it") {
  for (const double eps : {1e-12, 1e-5, 0.5})
    for (const double radius : {0.0, 1e-9, 1e-3, 0.3, 1e3}) {
      check_layer_norm(0, 1, eps, radius);
      check_layer_norm(1e6, 1e-6, eps, radius);  // little is left of what is subtracted
      check_layer_norm(1, 1e-170, eps, radius);  // equal numbers
      check_layer_norm(0, 1e-170, eps, radius);  // squares that underflow
      check_layer_norm(0, 1e100, eps, radius);
    }
}

TEST_CASE("layer_norm: without a bias the root of the mean square") {
  Balls x(1, 2);
  x.middle = {3, -4};
  const std::vector<double> weight = {1, 2};
  const Balls y = layer_norm(x, weight.data(), nullptr, 0.5);
  const double root = std::sqrt(12.5 + 0.5);
  CHECK(share(y, 0, {Real(3) / sqrt(Real(13)), Real(-8) / sqrt(Real(13))}) <= 1);
  CHECK(std::abs(y.row(0)[1] + 8 / root) <= 1e-15);
}

TEST_CASE("rotate: holds the turned pairs") {
  const Index D = 12, d = 6;
  for (const double radius : kRadii) {
    double worst = 0;
    const Points x = random_points(40, D, radius, 3);
    const Balls y = rotate(x.balls, d, 2);
    for (Index i = 0; i < 40; ++i) {
      std::vector<Real> row(static_cast<std::size_t>(D));
      for (Index h = 0; h < D; h += d)
        for (Index j = 0; j < d / 2; ++j) {
          const Real angle = Real(static_cast<double>(2 + i)) /
                             exp(Real(static_cast<double>(j)) / Real(3) * log(Real(10000)));
          const auto at = static_cast<std::size_t>(h + j);
          const Real a = x.inside[static_cast<std::size_t>(i * D) + at],
                     b = x.inside[static_cast<std::size_t>(i * D + d / 2) + at];
          row[at] = a * cos(angle) - b * sin(angle);
          row[at + static_cast<std::size_t>(d / 2)] = a * sin(angle) + b * cos(angle);
        }
      worst = std::max(worst, share(y, i, row));
    }
    CHECK(worst <= 1);
    if (radius == 0) CHECK(worst > 1e-3);
  }
}

TEST_CASE("attend: holds the weighted sum of the values") {
  const Index keys = 7, heads = 3, d = 4, D = heads * d;
  const std::vector<double> some = {1, 2, 0, 0.25, 1e-30, 1, 1}, ones(7, 1.0);
  for (const AttentionKind kind :
       {AttentionKind::softmax, AttentionKind::sigmoid, AttentionKind::linear, AttentionKind::sum})
    for (const double radius : kRadii)
      for (const double scale : {1.0, 20.0, 1e4}) {  // weights of 1 and of 1e-300, and of 0
        double worst = 0;
        const Points q = scaled(random_points(5, D, radius, 1), scale), k = random_points(keys, D, radius, 3),
                     v = random_points(keys, D, radius, 5);
        const std::vector<Index> visible = {7, 1, 2, 7, 5};
        const bool divided = kind == AttentionKind::softmax;
        const std::vector<double>& counts = divided ? some : ones;
        const Balls z = attend(kind, q.balls, k.balls, v.balls, heads, visible, counts);
        for (Index i = 0; i < 5; ++i) {
          std::vector<Real> row(static_cast<std::size_t>(D));
          for (Index h = 0; h < heads; ++h) {
            Real total = 0;
            for (Index j = 0; j < visible[static_cast<std::size_t>(i)]; ++j) {
              Real score = 0;
              for (Index c = h * d; c < (h + 1) * d; ++c)
                score += Real(q.inside[static_cast<std::size_t>(i * D + c)]) *
                         k.inside[static_cast<std::size_t>(j * D + c)] / Real(2);
              const Real e = exp(score);
              const Real weight = kind == AttentionKind::sigmoid  ? e / (Real(1) + e)
                                  : kind == AttentionKind::linear ? score
                                  : kind == AttentionKind::sum
                                      ? Real(1)
                                      : Real(counts[static_cast<std::size_t>(j)]) * e;
              total += weight;
              for (Index c = h * d; c < (h + 1) * d; ++c)
                row[static_cast<std::size_t>(c)] += weight * v.inside[static_cast<std::size_t>(j * D + c)];
            }
            for (Index c = h * d; divided && c < (h + 1) * d; ++c) row[static_cast<std::size_t>(c)] /= total;
          }
          worst = std::max(worst, share(z, i, row));
        }
        check(radius, worst, std::min(scale, 20.0) / scale);
      }
}

TEST_CASE("attend: where scores overflow the spread of the values stays") {
  for (const AttentionKind kind :
       {AttentionKind::softmax, AttentionKind::sigmoid, AttentionKind::linear, AttentionKind::sum}) {
    Balls q(1, 2), v(1, 2);
    q.middle = {1e200, 1e200};
    v.radius = {0.5};
    CHECK_FALSE(attend(kind, q, q, v, 1, std::vector<Index>{1}).radius_of(0) < 0.5);
  }
}

TEST_CASE("between_rows: any part of the way, each column by itself") {
  Balls x(2, 3);
  x.middle = {1, 2, 3, 2, 2, -1};
  const Balls y = between_rows(x);
  REQUIRE(y.rows() == 1);
  CHECK(y.middle == std::vector<double>{1.5, 2, 1});
  CHECK(std::abs(y.radius_of(0) - std::sqrt(17) / 2) <= 1e-8);
  CHECK(share(y, 0, {Real(1), Real(2), Real(-1)}) <= 1);
}
