#include "slalom/kernels/least_squares.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "../support/compare.hpp"
#include "../support/random_values.hpp"
#include "slalom/base/error.hpp"
#include "slalom/base/parallel.hpp"

using namespace slalom;
using test::random_values;
using test::relative_error;

namespace {

using Numbers = std::vector<double>;

double at(const Numbers& a, Index n, Index i, Index j) {
  return a[i * n + j];
}

// Aᵀ (A x − b).
Numbers gradient(Index m, Index n, const Numbers& a, const Numbers& b, const Numbers& x) {
  Numbers g(n);
  for (Index i = 0; i < m; ++i) {
    double residual = -b[i];
    for (Index j = 0; j < n; ++j) residual += at(a, n, i, j) * x[j];
    for (Index j = 0; j < n; ++j) g[j] += at(a, n, i, j) * residual;
  }
  return g;
}

double norm(const Numbers& x) {
  double sum = 0;
  for (const double v : x) sum += v * v;
  return std::sqrt(sum);
}

// (m, k) · (k, n).
Numbers product(Index m, Index k, Index n, const Numbers& a, const Numbers& b) {
  Numbers c(m * n);
  for (Index i = 0; i < m; ++i)
    for (Index l = 0; l < k; ++l)
      for (Index j = 0; j < n; ++j) c[i * n + j] += at(a, k, i, l) * at(b, n, l, j);
  return c;
}

Numbers positive_definite(Index n, std::uint64_t seed) {
  const Numbers g = random_values<double>((n + 3) * n, seed);
  Numbers a(n * n);
  for (Index r = 0; r < n + 3; ++r)
    for (Index i = 0; i < n; ++i)
      for (Index j = 0; j < n; ++j) a[i * n + j] += at(g, n, r, i) * at(g, n, r, j);
  return a;
}

}  // namespace

// The line b = x_0 + x_1 t through (0, 1), (1, 3), (2, 5), (3, 4): mean t 1.5, mean b 3.25, slope
// Σ(t − 1.5)(b − 3.25) / Σ(t − 1.5)² = (3.375 + 0.125 + 0.875 + 1.125) / 5 = 1.1, so x_0 = 3.25 − 1.65 = 1.6.
// (AᵀA)⁻¹ of [[4, 6], [6, 14]] is [[14, −6], [−6, 4]] / 20: diagonal .7, .2.
TEST_CASE("least squares: a line through four points") {
  const Numbers a = {1, 0, 1, 1, 1, 2, 1, 3}, b = {1, 3, 5, 4};
  const LeastSquares fit = minimum_norm_least_squares(4, 2, a, b);
  CHECK(fit.rank == 2);
  CHECK(relative_error(fit.solution, Numbers{1.6, 1.1}) < 1e-14);
  CHECK(relative_error(fit.variance, Numbers{0.7, 0.2}) < 1e-14);
  // Squared singular values: eigenvalues 9 ± √(81 − 20) of AᵀA.
  CHECK(relative_error(fit.singular_values,
                       Numbers{std::sqrt(9 + std::sqrt(61.0)), std::sqrt(9 - std::sqrt(61.0))}) < 1e-14);
}

// x_0 + x_1 = 2 (twice, with b 1 and 3) is all that is known of x_0 and x_1: the shortest is (1, 1). The
// third column is 0, so x_2 = 0; the fourth has 2 x_3 = 6.
TEST_CASE("least squares: where the minimum is not unique the shortest is found") {
  const Numbers a = {1, 1, 0, 0, 1, 1, 0, 0, 0, 0, 0, 2}, b = {1, 3, 6};
  const LeastSquares fit = minimum_norm_least_squares(3, 4, a, b);
  CHECK(fit.rank == 2);
  CHECK(relative_error(fit.solution, Numbers{1, 1, 0, 3}) < 1e-14);
  for (const std::size_t j : {0u, 1u, 2u}) CHECK(std::isnan(fit.variance[j]));
  CHECK(relative_error(fit.variance[3], 0.25) < 1e-14);
}

TEST_CASE("least squares: the residual is orthogonal to every column, in panels and in one piece") {
  for (const auto& [m, n] : {std::pair<Index, Index>{7, 7}, {40, 12}, {257, 3}, {3000, 11}, {1203, 60}}) {
    const auto seed = static_cast<std::uint64_t>(m);
    const Numbers a = random_values<double>(m * n, seed), b = random_values<double>(m, seed + 1);
    const LeastSquares fit = minimum_norm_least_squares(m, n, a, b);
    CHECK(fit.rank == n);
    CHECK(norm(gradient(m, n, a, b, fit.solution)) < 1e-12 * static_cast<double>(m));
    Numbers gram(n * n), variance;
    for (Index i = 0; i < m; ++i)
      for (Index j = 0; j < n; ++j)
        for (Index k = 0; k < n; ++k) gram[j * n + k] += at(a, n, i, j) * at(a, n, i, k);
    REQUIRE(cholesky(n, gram.data()));
    cholesky_inverse(n, gram.data());
    for (Index j = 0; j < n; ++j) variance.push_back(at(gram, n, j, j));
    CHECK(relative_error(fit.variance, variance) < 1e-8);
  }
}

// A = G H with H (r, n): x must lie in the row space, x = Hᵀ z, and z then minimises ‖(A Hᵀ) z − b‖, which is
// of full rank.
TEST_CASE("least squares: a matrix of low rank") {
  const Index m = 900, r = 4, n = 9;
  const Numbers g = random_values<double>(m * r, 1), h = random_values<double>(r * n, 2),
                b = random_values<double>(m, 3), a = product(m, r, n, g, h);
  Numbers ht(n * r);
  for (Index i = 0; i < r; ++i)
    for (Index j = 0; j < n; ++j) ht[j * r + i] = at(h, n, i, j);
  const LeastSquares z = minimum_norm_least_squares(m, r, product(m, n, r, a, ht), b);
  const LeastSquares fit = minimum_norm_least_squares(m, n, a, b);
  CHECK(fit.rank == r);
  CHECK(relative_error(fit.solution, product(n, r, 1, ht, z.solution)) < 1e-11);
}

TEST_CASE("least squares: fewer equations than unknowns are solved exactly") {
  const Index m = 5, n = 17;
  const Numbers a = random_values<double>(m * n, 4), b = random_values<double>(m, 5);
  const LeastSquares fit = minimum_norm_least_squares(m, n, a, b);
  CHECK(fit.rank == m);
  CHECK(std::ssize(fit.singular_values) == m);
  CHECK(relative_error(product(m, n, 1, a, fit.solution), b) < 1e-13);
}

TEST_CASE("least squares: small singular values count as 0 relative to the largest") {
  const Numbers a = {1e6, 0, 0, 1e-3}, b = {1e6, 1};
  CHECK(relative_error(minimum_norm_least_squares(2, 2, a, b).solution, Numbers{1, 1000}) < 1e-14);
  const LeastSquares cut = minimum_norm_least_squares(2, 2, a, b, 1e-8);
  CHECK(cut.rank == 1);
  CHECK(relative_error(cut.solution, Numbers{1, 0}) < 1e-14);
}

TEST_CASE("least squares: nothing to fit, and nothing that fits") {
  CHECK(minimum_norm_least_squares(3, 0, {}, {1, 2, 3}).solution.empty());
  CHECK(minimum_norm_least_squares(0, 2, {}, {}).solution == Numbers{0, 0});
  CHECK(minimum_norm_least_squares(2, 2, Numbers(4), {1, 2}).rank == 0);
  CHECK_THROWS_AS(minimum_norm_least_squares(1, 1, {NAN}, {1}), Error);
  CHECK_THROWS_AS(minimum_norm_least_squares(1, 1, {1}, {INFINITY}), Error);
  CHECK_THROWS_AS(minimum_norm_least_squares(2, 1, {1}, {1, 2}), Error);
}

TEST_CASE("least squares: the same bits whatever the number of threads") {
  const Index m = 2500, n = 20;
  const Numbers a = random_values<double>(m * n, 6), b = random_values<double>(m, 7);
  const int before = threads();
  set_threads(1);
  const Numbers one = minimum_norm_least_squares(m, n, a, b).solution;
  set_threads(3);
  const Numbers three = minimum_norm_least_squares(m, n, a, b).solution;
  set_threads(before);
  CHECK(one == three);
}

// L of [[4, 2], [2, 10]]: √4 = 2, 2 / 2 = 1, √(10 − 1) = 3. (4 x + 2 y, 2 x + 10 y) = (8, 22) at (1, 2). The
// inverse is [[10, −2], [−2, 4]] / 36.
TEST_CASE("Cholesky: a factor, a solution and an inverse known by hand") {
  Numbers a = {4, NAN, 2, 10}, x = {8, 22};
  REQUIRE(cholesky(2, a.data()));
  CHECK(relative_error(Numbers{a[0], a[2], a[3]}, Numbers{2, 1, 3}) < 1e-15);
  cholesky_solve(2, a.data(), x.data());
  CHECK(relative_error(x, Numbers{1, 2}) < 1e-15);
  cholesky_inverse(2, a.data());
  CHECK(relative_error(a, Numbers{10.0 / 36, -2.0 / 36, -2.0 / 36, 4.0 / 36}) < 1e-15);
}

TEST_CASE("Cholesky: the inverse times the matrix is 1, at sizes beyond a block") {
  for (const Index n : {1, 5, 64, 131}) {
    const Numbers a = positive_definite(n, static_cast<std::uint64_t>(n));
    const Numbers want = random_values<double>(n, 8);
    Numbers factor = a, x = product(n, n, 1, a, want), one(n * n);
    REQUIRE(cholesky(n, factor.data()));
    cholesky_solve(n, factor.data(), x.data());
    CHECK(relative_error(x, want) < 1e-8);
    cholesky_inverse(n, factor.data());
    for (Index i = 0; i < n; ++i) one[i * n + i] = 1;
    CHECK(relative_error(product(n, n, n, factor, a), one) < 1e-8);
  }
}

TEST_CASE("Cholesky: refuses what is not positive definite to working precision") {
  const auto refused = [](Numbers a) {
    return !cholesky(static_cast<Index>(std::lround(std::sqrt(static_cast<double>(a.size())))), a.data());
  };
  CHECK(refused({0}));
  CHECK(refused({-1}));
  CHECK(refused({NAN}));
  CHECK(refused({1, 2, 2, 1}));
  CHECK(refused({1, 1, 1, 1}));
  CHECK(refused({1, 1, 1, 1 + 2e-16}));
  CHECK(refused({1, 0, NAN, 1}));
  CHECK(refused({1, 0, 0, INFINITY}));
  CHECK_FALSE(refused({1e-200, 0, 0, 1e200}));  // a matter of scale, not of definiteness
  CHECK_FALSE(refused({1, 1, 1, 1 + 1e-12}));
}
