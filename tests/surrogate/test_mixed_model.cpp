#include "slalom/surrogate/mixed_model.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "../support/compare.hpp"
#include "slalom/base/random.hpp"
#include "slalom/kernels/least_squares.hpp"

using namespace slalom;
using test::relative_error;

namespace {

/// y = 1 − 2 z + X u + noise of sd `noise`, u ~ N(0, 0.5²), and with `effect` a share of a P of blocks of two
/// rows.
MixedDesign random_design(Index rows, Index random, double noise, double effect, std::uint64_t seed) {
  Rng rng(seed, Purpose::test);
  MixedDesign d{rows, 2, random, {}, {}, {}, std::vector<double>(static_cast<std::size_t>(rows * rows))};
  std::vector<double> u(static_cast<std::size_t>(random));
  for (double& x : u) x = 0.5 * rng.normal();
  double shared = 0;
  for (Index i = 0; i < rows; ++i) {
    const double z = rng.normal();
    d.Z.insert(d.Z.end(), {1, z});
    double sum = 1 - 2 * z + noise * rng.normal();
    for (const double weight : u) {
      d.X.push_back(rng.normal());
      sum += weight * d.X.back();
    }
    if (i % 2 == 0) shared = effect * rng.normal();
    d.y.push_back(sum + shared);
    for (Index j = i / 2 * 2; j < std::min(rows, i / 2 * 2 + 2); ++j) d.P[i * rows + j] = 1;
  }
  return d;
}

/// −2 log restricted likelihood by determinants of dense matrices, their inverses by Gauss-Jordan
/// elimination.
struct Inverse {
  std::vector<double> matrix;
  double log_determinant = 0;
};
Inverse invert(std::vector<double> a, Index n) {
  Inverse out{std::vector<double>(static_cast<std::size_t>(n * n)), 0};
  for (Index i = 0; i < n; ++i) out.matrix[i * (n + 1)] = 1;
  for (Index p = 0; p < n; ++p) {
    const double pivot = a[p * (n + 1)];
    out.log_determinant += std::log(pivot);
    for (Index j = 0; j < n; ++j) {
      a[p * n + j] /= pivot;
      out.matrix[p * n + j] /= pivot;
    }
    for (Index i = 0; i < n; ++i) {
      if (i == p) continue;
      const double factor = a[i * n + p];
      for (Index j = 0; j < n; ++j) {
        a[i * n + j] -= factor * a[p * n + j];
        out.matrix[i * n + j] -= factor * out.matrix[p * n + j];
      }
    }
  }
  return out;
}

}  // namespace

TEST_CASE("at given variances a mixed model is generalised least squares and its best linear prediction") {
  const MixedDesign d = random_design(24, 5, 0.3, 0.5, 1);
  const double lambda = 1.7, rho = 0.9;
  const MixedFit fit = fit_mixed_at(d, lambda, rho);
  const Index n = d.rows;
  std::vector<double> V(static_cast<std::size_t>(n * n));
  for (Index i = 0; i < n; ++i)
    for (Index j = 0; j < n; ++j) {
      V[i * n + j] = rho * d.P[i * n + j] + (i == j);
      for (Index k = 0; k < d.random; ++k)
        V[i * n + j] += d.X[i * d.random + k] * d.X[j * d.random + k] / lambda;
    }
  const Inverse inverse = invert(V, n);
  double normal[2][2] = {}, right[2] = {};
  for (Index i = 0; i < n; ++i)
    for (Index j = 0; j < n; ++j)
      for (int a = 0; a < 2; ++a) {
        right[a] += d.Z[i * 2 + a] * inverse.matrix[i * n + j] * d.y[j];
        for (int b = 0; b < 2; ++b)
          normal[a][b] += d.Z[i * 2 + a] * inverse.matrix[i * n + j] * d.Z[j * 2 + b];
      }
  const double determinant = normal[0][0] * normal[1][1] - normal[0][1] * normal[1][0];
  const std::vector<double> a = {(right[0] * normal[1][1] - right[1] * normal[0][1]) / determinant,
                                 (right[1] * normal[0][0] - right[0] * normal[1][0]) / determinant};
  CHECK(relative_error(fit.a, a) < 1e-10);
  std::vector<double> residual(static_cast<std::size_t>(n)), u(static_cast<std::size_t>(d.random));
  double square = 0;
  for (Index i = 0; i < n; ++i)
    for (Index j = 0; j < n; ++j)
      residual[i] += inverse.matrix[i * n + j] * (d.y[j] - d.Z[j * 2] * a[0] - d.Z[j * 2 + 1] * a[1]);
  for (Index i = 0; i < n; ++i) {
    square += residual[i] * (d.y[i] - d.Z[i * 2] * a[0] - d.Z[i * 2 + 1] * a[1]);
    for (Index k = 0; k < d.random; ++k) u[k] += d.X[i * d.random + k] * residual[i] / lambda;
  }
  CHECK(relative_error(fit.residual, residual) < 1e-10);
  CHECK(relative_error(fit.u, u) < 1e-10);
  CHECK(relative_error(fit.variance, square / 22) < 1e-10);
  CHECK(std::abs(fit.criterion -
                 (22 * std::log(square / 22) + inverse.log_determinant + std::log(determinant))) < 1e-8);
}

TEST_CASE(
    "the variances that a mixed model chooses are the most likely ones, and near those that made the data") {
  const MixedDesign d = random_design(300, 20, 0.4, 0.8, 2);
  const MixedFit fit = fit_mixed(d, true);
  for (const double factor : {0.7, 1.4}) {
    CHECK(fit_mixed_at(d, factor * fit.lambda, fit.rho).criterion > fit.criterion - 0.2);
    CHECK(fit_mixed_at(d, fit.lambda, factor * fit.rho).criterion > fit.criterion - 0.2);
  }
  CHECK(std::sqrt(fit.variance) == doctest::Approx(0.4).epsilon(0.2));
  CHECK(std::sqrt(fit.variance / fit.lambda) == doctest::Approx(0.5).epsilon(0.35));
  CHECK(std::sqrt(fit.variance * fit.rho) == doctest::Approx(0.8).epsilon(0.2));
  CHECK(fit_mixed(d, false).rho == 0);
}

TEST_CASE("a mixed model of exact data hardly shrinks, one of noise shrinks everything") {
  const MixedDesign exact = random_design(60, 8, 0, 0, 3);
  const MixedFit fit = fit_mixed(exact, false);
  double worst = 0;
  for (Index i = 0; i < 60; ++i) {
    double predicted = fit.a[0] + exact.Z[i * 2 + 1] * fit.a[1];
    for (Index k = 0; k < 8; ++k) predicted += exact.X[i * 8 + k] * fit.u[k];
    worst = std::max(worst, std::abs(predicted - exact.y[i]));
  }
  CHECK(worst < 1e-6);
  MixedDesign noise = random_design(200, 8, 0, 0, 4);
  Rng rng(5, Purpose::test);
  for (double& y : noise.y) y = rng.normal();
  for (const double u : fit_mixed(noise, false).u) CHECK(std::abs(u) < 0.15);
}

TEST_CASE("a part of a design keeps rows and columns of all its matrices") {
  const MixedDesign d = random_design(6, 2, 0.1, 0, 6);
  const std::vector<Index> chosen = {4, 1};
  const MixedDesign part = d.subset(chosen);
  CHECK(part.y == std::vector<double>{d.y[4], d.y[1]});
  CHECK(part.X == std::vector<double>{d.X[8], d.X[9], d.X[2], d.X[3]});
  CHECK(part.P == std::vector<double>{d.P[28], d.P[25], d.P[10], d.P[7]});
}
