#include "slalom/inspect/certificates.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "../support/random_values.hpp"

using namespace slalom;

namespace {

using Text = std::vector<TokenId>;

/// Curves of tokens 0, 1, … with F(aⁿ) = f(a, n), n ≤ 6.
template <class F>
std::vector<RepetitionCurve> curves_of(TokenId tokens, const F& f) {
  std::vector<RepetitionCurve> curves;
  for (TokenId a = 0; a < tokens; ++a) {
    curves.push_back({a, {}});
    for (int n = 1; n <= 6; ++n) curves.back().log_odds.push_back(f(a, n));
  }
  return curves;
}

}  // namespace

// a is 5 for ever, b is −3: with 6 and 1, |6 · 5 − 5 + 6 · 3 − 3| / 14 = 40 / 14.
TEST_CASE("repetition_certificate: two constants") {
  const Certificate c =
      repetition_certificate(curves_of(2, [](TokenId a, int) { return a == 0 ? 5 : -3; }), {});
  CHECK(c.estimate == 40.0 / 14);
  CHECK(c.witness == std::vector<Text>{{0}, Text(6, 0), {1}, Text(6, 1)});
  CHECK(c.coefficient == std::vector<double>{6, -1, -6, 1});
  CHECK(c.log_odds == std::vector<double>{5, 5, -3, -3});
  CHECK(c.half_range == 4);
  CHECK(vanishes(c));
  CHECK_FALSE(c.proves());
}

// One constant contradicts nothing, but with the empty text: |6 · 5 − 5 − 5 · 1| / 12 = 20 / 12.
TEST_CASE("repetition_certificate: one constant and the empty text") {
  const auto curves = curves_of(1, [](TokenId, int) { return 5; });
  CHECK(repetition_certificate(curves, {}).estimate == 0);
  const Certificate c = repetition_certificate(curves, 1.0);
  CHECK(c.estimate == 20.0 / 12);
  CHECK(c.witness == std::vector<Text>{{0}, Text(6, 0), {}});
  CHECK(c.coefficient == std::vector<double>{6, -1, -5});
  CHECK(c.half_range == 2);
  CHECK(vanishes(c));
}

TEST_CASE("certificates: none against an additive model") {
  const std::vector<double> w = test::random_values<double>(20, 1);
  const auto bag = [&](TokenId a, int n) { return 0.7 + n * w[static_cast<std::size_t>(a)]; };
  CHECK(repetition_certificate(curves_of(20, bag), {}).estimate <= 1e-14);
  CHECK(repetition_certificate(curves_of(20, bag), 0.7).estimate <= 1e-14);
  std::vector<double> table;  // F(ab) = 0.7 + w_a + w_{b + 10}, F(a) = 0.7 + w_a
  for (std::size_t a = 0; a < 3; ++a)
    for (std::size_t b = 0; b < 4; ++b) table.push_back(0.7 + w[a] + (b == 3 ? 0 : w[b + 10]));
  CHECK(positionwise_certificate({0, 1, 2}, table).estimate <= 1e-15);
}

// |5 − 1 − 2 + 2| / 4 = 1 with the text of one token, |5 − 0 − 2 + 7| / 4 = 2.5 without.
TEST_CASE("positionwise_certificate: known values") {
  const Certificate c = positionwise_certificate({8, 9}, {5, 0, 1, 2, 7, 2});
  CHECK(c.estimate == 2.5);
  CHECK(c.witness == std::vector<Text>{{8, 8}, {8, 9}, {9, 8}, {9, 9}});
  CHECK(c.log_odds == std::vector<double>{5, 0, 2, 7});
  CHECK(c.half_range == 3.5);
  CHECK(vanishes(c));
  const Certificate d = positionwise_certificate({8, 9}, {5, 4, 1, 2, 2, 2});
  CHECK(d.estimate == 1);
  CHECK(d.witness == std::vector<Text>{{8, 8}, {8}, {9, 8}, {9}});
  CHECK(vanishes(d));
}

// The best g errs by the bound with the coefficients' signs: g = F − sign(c) δ / Σ|c|, δ = Σ c F, for which
// Σ c g = δ − Σ |c| δ / Σ |c| = 0; and g is a bag of words, as w(a) = (g(aⁿ) − g(aᵐ)) / (n − m) and w(b)
// likewise leave one b for both.
TEST_CASE("repetition_certificate: the best bag of words reaches the bound, none passes it") {
  const std::vector<double> f = test::random_values<double>(40 * 12, 2);
  for (std::size_t trial = 0; trial < 40; ++trial) {
    const Certificate c = repetition_certificate(
        curves_of(2,
                  [&](TokenId a, int n) { return f[12 * trial + 6 * static_cast<std::size_t>(a) + n - 1]; }),
        {});
    double delta = 0;
    for (std::size_t i = 0; i < 4; ++i) delta += c.coefficient[i] * c.log_odds[i];
    double g[4];
    for (std::size_t i = 0; i < 4; ++i)
      g[i] = c.log_odds[i] - std::copysign(c.estimate, c.coefficient[i] * delta);
    const auto m = static_cast<double>(c.witness[0].size()), n = static_cast<double>(c.witness[1].size());
    const double wa = (g[1] - g[0]) / (n - m), wb = (g[3] - g[2]) / (n - m);
    CHECK(std::abs((g[0] - m * wa) - (g[2] - m * wb)) <= 1e-12);
    const std::vector<double> other = test::random_values<double>(3, trial);
    const double far = std::max({std::abs(other[0] + m * other[1] - c.log_odds[0]),
                                 std::abs(other[0] + n * other[1] - c.log_odds[1]),
                                 std::abs(other[0] + m * other[2] - c.log_odds[2]),
                                 std::abs(other[0] + n * other[2] - c.log_odds[3])});
    CHECK(far >= c.estimate);
  }
}

TEST_CASE("prove: the lower end over all that the intervals hold") {
  const auto proved = [](Interval first, Interval second, std::vector<double> c) {
    Certificate certificate{.witness = {{7}, {8}}, .coefficient = std::move(c)};
    prove(
        certificate, [&](std::span<const TokenId> text) { return text[1] == 7 ? first : second; }, Text{1},
        Text{2});
    return certificate;
  };
  constexpr double kStep = 0x1p-40;
  const auto is = [&](double found, double wanted) {
    CHECK(found <= wanted);
    CHECK(found >= wanted - 3 * kStep);
  };
  is(proved({4, 5}, {1, 2}, {1, -1}).bound, 1);         // (4 − 2) / 2
  is(proved({4, 5}, {1, 2}, {-1, 1}).bound, 1);         // the same from below
  is(proved({4, 5}, {1, 2}, {3, -1}).bound, 2.5);       // (12 − 2) / 4
  CHECK(proved({4, 5}, {4.5, 6}, {1, -1}).bound == 0);  // 0 is inside
  CHECK(proved({4, 5}, {4.5, 6}, {1, -1}).rounding_error >= 0.625);
  CHECK(proved({-INFINITY, INFINITY}, {1, 2}, {1, -1}).bound == 0);
  CHECK(proved({4, 5}, {1, 2}, {1, -1}).enclosure == std::vector<Interval>{{4, 5}, {1, 2}});
}

TEST_CASE("vanishes: for every bag of words, for every position-wise model") {
  const auto of = [](AdditiveClass kind, std::vector<Text> texts, std::vector<double> c) {
    return vanishes({.of = kind, .witness = std::move(texts), .coefficient = std::move(c)});
  };
  using enum AdditiveClass;
  CHECK(of(bag_of_words, {{1, 1}, {1}, {}}, {1, -2, 1}));
  CHECK_FALSE(of(bag_of_words, {{1, 1}, {1}, {}}, {1, -2, 2}));  // the constant
  CHECK_FALSE(of(bag_of_words, {{1, 2}, {1}, {}}, {1, -2, 1}));  // a word
  CHECK(of(bag_of_words, {{1, 2}, {2, 1}}, {1, -1}));
  CHECK_FALSE(of(positionwise, {{1, 2}, {2, 1}}, {1, -1}));
  CHECK(of(positionwise, {{1, 2}, {1, 3}, {4, 2}, {4, 3}}, {1, -1, -1, 1}));
  CHECK_FALSE(of(positionwise, {{1, 1}, {1}, {}}, {1, -2, 1}));
}
