#include "slalom/explain/shapley.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <numeric>

#include "../support/compare.hpp"
#include "../support/random_values.hpp"
#include "slalom/base/error.hpp"
#include "slalom/surrogate/closed_form_shapley.hpp"

using namespace slalom;
using test::relative_error;

namespace {

using Numbers = std::vector<double>;

std::size_t mask_of(std::span<const std::uint8_t> members) {
  std::size_t mask = 0;
  for (std::size_t j = 0; j < members.size(); ++j) mask |= static_cast<std::size_t>(members[j]) << j;
  return mask;
}

// A game given by v of each bit mask. `asked` counts how often each was asked.
struct TableGame {
  Numbers v;
  std::vector<Index> asked = std::vector<Index>(v.size());

  ValueFunction values() {
    return [this](const Coalitions& coalitions) {
      Numbers answers;
      for (Index i = 0; i < coalitions.size(); ++i) {
        const std::size_t mask = mask_of(coalitions.row(i));
        ++asked[mask];
        answers.push_back(v[mask]);
      }
      return answers;
    };
  }
};

TableGame random_table(Index players, std::uint64_t seed) {
  return {test::random_values<double>(Index{1} << players, seed)};
}

// The mean over all n! orders of what each player adds.
Numbers over_all_orders(Index players, const Numbers& v) {
  std::vector<Index> order(players);
  std::iota(order.begin(), order.end(), Index{0});
  Numbers phi(players);
  double orders = 0;
  do {
    std::size_t mask = 0;
    for (const Index j : order) {
      const std::size_t with = mask | std::size_t{1} << j;
      phi[j] += v[with] - v[mask];
      mask = with;
    }
    ++orders;
  } while (std::next_permutation(order.begin(), order.end()));
  for (double& x : phi) x /= orders;
  return phi;
}

double sum(const Numbers& x) {
  return std::accumulate(x.begin(), x.end(), 0.0);
}

// A SLALOM game, and one with noise of deviation .02 on every coalition.
struct NoisySlalom {
  TableGame truth, slalom;
  Numbers slalom_shapley_values;
};

NoisySlalom noisy_slalom(Index players) {
  const Numbers value = test::random_values<double>(players, 21),
                importance = test::random_values<double>(players, 22),
                noise = test::random_values<double>(Index{1} << players, 23);
  TableGame slalom{{0.3}}, truth{{0.3}};
  for (std::size_t mask = 1; mask < noise.size(); ++mask) {
    double up = 0, down = 0;
    for (Index j = 0; j < players; ++j)
      if ((mask >> j & 1) != 0) {
        up += std::exp(importance[j]) * value[j];
        down += std::exp(importance[j]);
      }
    slalom.v.push_back(up / down);
    truth.v.push_back(up / down + 0.02 * noise[mask]);
  }
  return {TableGame{truth.v}, TableGame{slalom.v}, slalom_shapley(value, importance, {}, 0.3)};
}

// Over many seeds: the mean error of each player in units of its standard error, and the variance of
// (estimate − truth) / standard error.
struct Calibration {
  double worst_bias, variance;
};

template <class Estimate>
Calibration calibrate(const Numbers& exact, int seeds, const Estimate& estimate) {
  const std::size_t n = exact.size();
  Numbers mean(n), squares(n);
  double z_squares = 0;
  for (int seed = 0; seed < seeds; ++seed) {
    const ShapleyEstimate e = estimate(static_cast<std::uint64_t>(seed));
    for (std::size_t i = 0; i < n; ++i) {
      const double error = e.value[i] - exact[i];
      mean[i] += error / seeds;
      squares[i] += error * error / seeds;
      z_squares +=
          error * error / (e.standard_error[i] * e.standard_error[i]) / seeds / static_cast<double>(n);
    }
  }
  double worst = 0;
  for (std::size_t i = 0; i < n; ++i)
    worst = std::max(worst, std::abs(mean[i]) / std::sqrt((squares[i] - mean[i] * mean[i]) / (seeds - 1)));
  return {worst, z_squares};
}

}  // namespace

// The glove game: player 0 has a left glove, 1 and 2 a right one each; a pair is worth 1. Player 0 adds 1
// unless it comes first (2/3 of the orders); 1 adds 1 if it comes after 0 and before 2 (1/6).
TEST_CASE("exact Shapley values: the glove game") {
  TableGame gloves{{0, 0, 0, 1, 0, 1, 0, 1}};
  const ShapleyEstimate exact = exact_shapley(3, gloves.values());
  CHECK(relative_error(exact.value, Numbers{2.0 / 3, 1.0 / 6, 1.0 / 6}) < 1e-15);
  CHECK(exact.exact);
  CHECK(exact.standard_error == Numbers{0, 0, 0});
  CHECK(exact.coalitions == 8);
  CHECK(exact.full == 1);
  CHECK(gloves.asked == std::vector<Index>(8, 1));
}

TEST_CASE("exact Shapley values: the mean over all orders") {
  for (const Index n : {1, 2, 4, 7}) {
    TableGame game = random_table(n, static_cast<std::uint64_t>(n));
    const ShapleyEstimate exact = exact_shapley(n, game.values());
    CHECK(relative_error(exact.value, over_all_orders(n, game.v)) < 1e-13);
    CHECK(std::abs(sum(exact.value) - (exact.full - exact.empty)) < 1e-13);
  }
}

// v(S) = Σ of the players' numbers + (number of players)²: everybody adds 2 s + 1 at size s, on average n.
TEST_CASE("exact Shapley values: seventeen players are asked about in several calls") {
  const Numbers own = test::random_values<double>(17, 3);
  Index calls = 0, most = 0;
  const ShapleyEstimate exact = exact_shapley(17, [&](const Coalitions& coalitions) {
    ++calls;
    most = std::max(most, coalitions.size());
    Numbers answers;
    for (Index i = 0; i < coalitions.size(); ++i) {
      double worth = 0, size = 0;
      for (Index j = 0; j < 17; ++j)
        if (coalitions.row(i)[j] != 0) {
          worth += own[j];
          ++size;
        }
      answers.push_back(worth + size * size);
    }
    return answers;
  });
  CHECK(calls == 2);
  CHECK(most == 65536);
  Numbers want = own;
  for (double& x : want) x += 17;
  CHECK(relative_error(exact.value, want) < 1e-12);
}

TEST_CASE("exact Shapley values: no players, and too many") {
  TableGame game = random_table(1, 1);
  CHECK_THROWS_AS(exact_shapley(0, game.values()), Error);
  CHECK_THROWS_AS(exact_shapley(kMostPlayersEnumerated + 1, game.values()), Error);
}

TEST_CASE("permutation Shapley values: exact for additive games from one pair of orders") {
  TableGame game{{}};
  const Numbers own = test::random_values<double>(6, 4);
  for (std::size_t mask = 0; mask < 64; ++mask) {
    game.v.push_back(1.5);
    for (std::size_t j = 0; j < 6; ++j)
      if ((mask >> j & 1) != 0) game.v.back() += own[j];
  }
  game.asked.assign(64, 0);
  const ShapleyEstimate one = permutation_shapley(6, game.values(), 1, 5);
  CHECK(relative_error(one.value, own) < 1e-14);
  CHECK(one.coalitions == 2 + 2 * 5);
  for (const double se : one.standard_error) CHECK(std::isnan(se));
  const ShapleyEstimate many = permutation_shapley(6, game.values(), 99, 5);
  CHECK(many.coalitions == 2 + 9 * 10);  // 9 pairs of 2 · 5
  for (const double se : many.standard_error) CHECK(se < 1e-14);
}

TEST_CASE("permutation Shapley values: two players need no sample") {
  TableGame game = random_table(2, 5);
  const ShapleyEstimate estimate = permutation_shapley(2, game.values(), 1, 0);
  CHECK(estimate.exact);
  CHECK(relative_error(estimate.value, over_all_orders(2, game.v)) < 1e-15);
}

TEST_CASE("permutation Shapley values: unbiased, efficient, standard errors calibrated") {
  TableGame game = random_table(6, 6);
  const Numbers exact = over_all_orders(6, game.v);
  const Calibration found = calibrate(exact, 300, [&](std::uint64_t seed) {
    const ShapleyEstimate e = permutation_shapley(6, game.values(), 250, seed);  // 25 pairs
    CHECK(std::abs(sum(e.value) - (e.full - e.empty)) < 1e-13);
    return e;
  });
  CHECK(found.worst_bias < 4);
  CHECK(found.variance > 0.8);
  CHECK(found.variance < 1.3);  // Student's t with 24 degrees of freedom: 24 / 22
}

TEST_CASE("Kernel SHAP: exact when the budget covers all coalitions, each asked once") {
  for (const Index n : {1, 2, 3, 6, 7}) {
    TableGame game = random_table(n, 7);
    const Index all = (Index{1} << n) - 2;
    const ShapleyEstimate estimate = kernel_shapley(n, game.values(), std::max<Index>(all, 1), 0);
    CHECK(estimate.exact);
    CHECK(estimate.coalitions == all + 2);
    CHECK(game.asked == std::vector<Index>(game.v.size(), 1));
    CHECK(relative_error(estimate.value, over_all_orders(n, game.v)) < 1e-11);
    CHECK(estimate.standard_error == Numbers(n, 0.0));
  }
  for (const Index n : {10, 11, 12, 13, 14}) {
    TableGame game = random_table(n, 7);
    const ShapleyEstimate estimate = kernel_shapley(n, game.values(), (Index{1} << n) - 2, 0);
    CHECK(estimate.exact);
    CHECK(relative_error(estimate.value, exact_shapley(n, game.values()).value) < 1e-10);
    CHECK_FALSE(kernel_shapley(n, game.values(), (Index{1} << n) - 3, 0).exact);
  }
}

TEST_CASE("Kernel SHAP: exact for additive games from the smallest budget on") {
  const Numbers own = test::random_values<double>(40, 8);
  const ValueFunction additive = [&](const Coalitions& coalitions) {
    Numbers answers(coalitions.size(), -2.0);
    for (Index i = 0; i < coalitions.size(); ++i)
      for (Index j = 0; j < 40; ++j) answers[i] += coalitions.row(i)[j] * own[j];
    return answers;
  };
  for (const Index budget : {80, 81, 200, 1999}) {
    const ShapleyEstimate estimate = kernel_shapley(40, additive, budget, 9);
    CHECK_FALSE(estimate.exact);
    CHECK(estimate.coalitions <= budget + 2);
    CHECK(estimate.coalitions >= budget);
    CHECK(relative_error(estimate.value, own) < 1e-12);
    CHECK(std::isnan(estimate.standard_error[0]) == (budget < 84));  // fewer than two draws
  }
}

TEST_CASE("Kernel SHAP: asks the sizes nearest ∅ and all, then pairs of complements, none twice") {
  TableGame game = random_table(9, 10);
  const ShapleyEstimate estimate = kernel_shapley(9, game.values(), 150, 11);  // 18 + 72, then 30 pairs
  CHECK(estimate.coalitions == 152);
  Index sampled = 0;
  for (std::size_t mask = 0; mask < 512; ++mask) {
    const int size = std::popcount(mask);
    CHECK(game.asked[mask] <= 1);
    CHECK(game.asked[mask] == game.asked[511 - mask]);
    if (size <= 2 || size >= 7) CHECK(game.asked[mask] == 1);
    if (size > 2 && size < 7) sampled += game.asked[mask];
  }
  CHECK(sampled == 60);
}

TEST_CASE("Kernel SHAP: near the exact values, efficient, standard errors calibrated") {
  TableGame game = random_table(9, 12);
  const Numbers exact = exact_shapley(9, game.values()).value;
  const Calibration found = calibrate(exact, 200, [&](std::uint64_t seed) {
    const ShapleyEstimate e = kernel_shapley(9, game.values(), 180, seed);
    CHECK(std::abs(sum(e.value) - (e.full - e.empty)) < 1e-12);
    return e;
  });
  CHECK(found.worst_bias < 4);
  CHECK(found.variance > 0.6);  // draws that came up before are not asked again, and yet count as draws
  CHECK(found.variance < 1.4);
}

TEST_CASE("Kernel SHAP: names the budget that it needs") {
  TableGame game = random_table(5, 13);
  CHECK_THROWS_AS(kernel_shapley(5, game.values(), 0, 0), Error);
  CHECK_THROWS_WITH_AS(kernel_shapley(5, game.values(), 9, 0),
                       "[shapley] budget of 9 coalitions, wanted at least 10 for 5 players", Error);
}

TEST_CASE(
    "controlled Shapley values: unbiased, calibrated, and of far smaller variance than without control") {
  NoisySlalom game = noisy_slalom(8);
  const Numbers exact = exact_shapley(8, game.truth.values()).value;
  double least_ratio = HUGE_VAL;
  const Calibration found = calibrate(exact, 200, [&](std::uint64_t seed) {
    const ControlledEstimate c = controlled_shapley(8, game.truth.values(), game.slalom.values(),
                                                    game.slalom_shapley_values, 350, 350, seed);  // 25 pairs
    least_ratio = std::min(least_ratio, c.variance_ratio);
    CHECK(std::abs(sum(c.estimate.value) - (c.estimate.full - c.estimate.empty)) < 1e-12);
    return c.estimate;
  });
  CHECK(least_ratio > 5);
  CHECK(found.worst_bias < 4);
  CHECK(found.variance > 0.5);
  CHECK(found.variance < 1.6);
}

TEST_CASE(
    "controlled Shapley values: the ratio is that of the squared standard errors at equal whole budgets") {
  NoisySlalom game = noisy_slalom(6);
  const auto squares = [](const ShapleyEstimate& e) {
    double squared = 0;
    for (const double error : e.standard_error) squared += error * error;
    return squared;
  };
  double said = 0, found = 0;
  constexpr int kSeeds = 200;
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    const auto with = [&](Index whole_budget) {
      return controlled_shapley(6, game.truth.values(), game.slalom.values(), game.slalom_shapley_values, 200,
                                whole_budget, seed);
    };
    const ShapleyEstimate plain = permutation_shapley(6, game.truth.values(), 200, seed);
    const ControlledEstimate free = with(200), half = with(400);
    CHECK(relative_error(free.variance_ratio, squares(plain) / squares(free.estimate)) < 1e-12);
    CHECK(relative_error(half.variance_ratio, free.variance_ratio / 2) < 1e-12);  // 20 pairs of 40
    CHECK(half.estimate.coalitions == plain.coalitions);
    said += half.variance_ratio * squares(half.estimate) / kSeeds;
    found += squares(permutation_shapley(6, game.truth.values(), 400, seed)) / kSeeds;
  }
  CHECK(relative_error(said, found) < 0.05);
}

TEST_CASE(
    "controlled Shapley values: the game as its own control is exact, zero as control changes nothing") {
  NoisySlalom game = noisy_slalom(5);
  const ControlledEstimate itself = controlled_shapley(5, game.slalom.values(), game.slalom.values(),
                                                       game.slalom_shapley_values, 100, 100, 2);
  CHECK(relative_error(itself.estimate.value, over_all_orders(5, game.slalom.v)) < 1e-11);
  CHECK(itself.variance_ratio == std::numeric_limits<double>::infinity());

  TableGame zero{Numbers(32)};
  const ControlledEstimate nothing =
      controlled_shapley(5, game.slalom.values(), zero.values(), Numbers(5), 100, 100, 2);
  CHECK(nothing.estimate.value == permutation_shapley(5, game.slalom.values(), 100, 2).value);
  CHECK(nothing.variance_ratio == 1);
  CHECK(std::isnan(
      controlled_shapley(5, game.slalom.values(), zero.values(), Numbers(5), 1, 1, 2).variance_ratio));
  CHECK_THROWS_AS(controlled_shapley(5, game.slalom.values(), zero.values(), Numbers(4), 100, 100, 2), Error);
  CHECK_THROWS_AS(controlled_shapley(5, game.slalom.values(), zero.values(), Numbers(5), 100, 99, 2), Error);
}
