#include "slalom/inspect/certificates.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "../support/random_values.hpp"

using namespace slalom;

namespace {

/// g(t) = b + Σ w(t_i).
struct AffineBag {
  double b;
  std::vector<double> w;
  double operator()(const std::vector<std::size_t>& words) const {
    double sum = b;
    for (const std::size_t word : words) sum += w[word];
    return sum;
  }
};

template <std::size_t N>
double distance(const std::array<double, N>& f, const std::array<double, N>& g) {
  double worst = 0;
  for (std::size_t i = 0; i < N; ++i) worst = std::max(worst, std::abs(f[i] - g[i]));
  return worst;
}

}  // namespace

TEST_CASE("certificates: known values") {
  CHECK(affine_bound_with_empty(4, 2, 0) == 0);     // 2 a word
  CHECK(affine_bound_with_empty(1, 1, 0) == 0.25);  // |1 − 2| / 4
  CHECK(affine_bound_with_empty(3, 5, -1) == 2);    // |3 − 10 − 1| / 4
  CHECK(affine_bound(7, 7, 7, 7) == 0);             // a constant is affine
  CHECK(affine_bound(6, 0, 0, 0) == 1);             // |6| / 6
  CHECK(affine_bound(3, 3, -3, -3) == 1);           // two constants: |3 − 6 + 3 − 6| / 6
  CHECK(affine_bound(1, 2, 3, 4) == affine_bound(3, 4, 1, 2));
}

TEST_CASE("certificates: none against an affine bag of words") {
  const std::vector<double> drawn = test::random_values<double>(201, 1);
  const AffineBag g{drawn[0], {drawn.begin() + 1, drawn.end()}};
  const AffineBag whole{3, {-2, 5}};  // sums of small integers have no rounding errors
  CHECK(affine_bound_with_empty(whole({0, 0}), whole({0}), whole({})) == 0);
  CHECK(affine_bound(whole({0, 0}), whole({0}), whole({1, 1}), whole({1})) == 0);
  for (std::size_t a = 0, b = 1; b < g.w.size(); ++a, ++b) {
    const double scale = std::max({std::abs(g.b), std::abs(g.w[a]), std::abs(g.w[b])});
    CHECK(affine_bound_with_empty(g({a, a}), g({a}), g({})) <= 1e-12 * scale);
    CHECK(affine_bound(g({a, a}), g({a}), g({b, b}), g({b})) <= 1e-12 * scale);
  }
}

// The best fit errs by the bound with alternating signs: with δ = f(aa) − 2 f(a) + f(∅), g(∅) = f(∅) − δ / 4,
// g(a) = f(a) + δ / 4, g(aa) = f(aa) − δ / 4, which is affine: its second difference is δ − 4 · δ / 4 = 0.
TEST_CASE("affine_bound_with_empty: the best affine function reaches the bound, none passes it") {
  const std::vector<double> values = test::random_values<double>(3 * 20, 2);
  for (std::size_t i = 0; i < values.size(); i += 3) {
    const std::array f = {values[i], values[i + 1], values[i + 2]};  // of ∅, a, aa
    const double bound = affine_bound_with_empty(f[2], f[1], f[0]);
    const double delta = f[2] - 2 * f[1] + f[0], best_b = f[0] - delta / 4, best_w = (f[2] - f[0]) / 2;
    const auto error = [&](double b, double w) { return distance(f, {b, b + w, b + 2 * w}); };
    CHECK(std::abs(error(best_b, best_w) - bound) <= 1e-14);
    double least = INFINITY;
    for (int p = -100; p <= 100; ++p)
      for (int q = -100; q <= 100; ++q) least = std::min(least, error(best_b + 0.01 * p, best_w + 0.01 * q));
    CHECK(least >= bound - 1e-14);
  }
}

// With δ = f(aa) − 2 f(a) − f(bb) + 2 f(b) the best fit is f(aa) − δ / 6, f(a) + δ / 6, f(bb) + δ / 6,
// f(b) − δ / 6, which is affine: its combination is δ − 6 · δ / 6 = 0.
TEST_CASE("affine_bound: the best affine function reaches the bound, none passes it") {
  const std::vector<double> values = test::random_values<double>(4 * 10, 3);
  for (std::size_t i = 0; i < values.size(); i += 4) {
    const std::array f = {values[i], values[i + 1], values[i + 2], values[i + 3]};  // of a, aa, b, bb
    const double bound = affine_bound(f[1], f[0], f[3], f[2]);
    const double sixth = (f[1] - 2 * f[0] - f[3] + 2 * f[2]) / 6;
    const double best_c = 2 * (f[0] + sixth) - (f[1] - sixth);  // 2 g(a) − g(aa)
    const double best_u = f[0] + sixth - best_c, best_v = f[2] - sixth - best_c;
    const auto error = [&](double c, double u, double v) {
      return distance(f, {c + u, c + 2 * u, c + v, c + 2 * v});
    };
    CHECK(std::abs(error(best_c, best_u, best_v) - bound) <= 1e-14);
    double least = INFINITY;
    for (int p = -25; p <= 25; ++p)
      for (int q = -25; q <= 25; ++q)
        for (int r = -25; r <= 25; ++r)
          least = std::min(least, error(best_c + 0.04 * p, best_u + 0.04 * q, best_v + 0.04 * r));
    CHECK(least >= bound - 1e-14);
  }
}
