// Shapley values by their definition and from random orders.
//
// φ_i is the mean over all n! orders of the players of v(P ∪ i) − v(P), P those before i (L. Shapley 1953).
// In it a set S without i stands before i in |S|! (n − |S| − 1)! orders: the weight of the sum over all sets.
//
// An order drawn at random gives an unbiased estimate of all n values from n − 1 new coalitions, for the
// differences along it share their ends. Its reverse turns large P into small ones; their mean varies less
// (antithetic variates; R. Mitchell et al., "Sampling Permutations for Shapley Value Estimation", JMLR 2022).
//
// A control variate c whose Shapley values are known: φ(v) = φ(c) + φ(v − c), for Shapley values are linear
// in the game, and only the second term is estimated. Its variance is that of v − c, along the same orders.
#include "slalom/explain/shapley.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>
#include <utility>

#include "slalom/base/error.hpp"

namespace slalom {

void check_players(Index players, Index budget) {
  if (players < 1) throw Error(concat("[shapley] ", players, " players, wanted at least 1"));
  if (budget < 1) throw Error(concat("[shapley] budget of ", budget, " coalitions, wanted at least 1"));
}

ShapleyEstimate with_ends(Index players, const ValueFunction& values) {
  Coalitions ends{players, {}};
  ends.add(0);
  ends.add(1);
  const std::vector<double> found = checked_values(values, ends);
  return {.value = {}, .standard_error = {}, .empty = found[0], .full = found[1], .coalitions = 2};
}

namespace {

constexpr Index kCoalitionsTogether = 65536;

// Random orders and their reverses: the coalitions between ∅ and all that `pairs` pairs of them pass through,
// 2 (n − 1) each, and the order of each pair.
struct Orders {
  Coalitions passed;
  std::vector<std::vector<Index>> order;
};

Orders draw_orders(Index players, Index first_pair, Index pairs, std::uint64_t seed) {
  Orders result{{players, {}}, {}};
  for (Index pair = 0; pair < pairs; ++pair) {
    Rng rng(seed, Purpose::query, static_cast<std::uint64_t>(first_pair + pair));
    std::vector<Index> order = counted(players);
    for (Index j = players - 1; j > 0; --j)
      std::swap(order[j], order[rng.below(static_cast<std::uint32_t>(j + 1))]);
    for (const bool reversed : {false, true})
      for (Index length = 1; length < players; ++length) {
        const std::span<std::uint8_t> members = result.passed.add(0);
        for (Index j = 0; j < length; ++j) members[order[reversed ? players - 1 - j : j]] = 1;
      }
    result.order.push_back(std::move(order));
  }
  return result;
}

// Adds (pairs, n) contributions: of each player the mean of what it adds along an order and its reverse.
void add_contributions(const Orders& orders, const std::vector<double>& values, double empty, double full,
                       std::vector<double>& to) {
  const Index players = orders.passed.players;
  const double* v = values.data();
  for (const std::vector<Index>& order : orders.order) {
    to.resize(to.size() + players);
    double* row = to.data() + to.size() - players;
    for (const bool reversed : {false, true}) {
      double before = empty;
      for (Index j = 0; j < players; ++j) {
        const double now = j + 1 < players ? *v++ : full;
        row[order[reversed ? players - 1 - j : j]] += (now - before) / 2;
        before = now;
      }
    }
  }
}

// The mean of the rows of x (m, n) and the variance of that mean.
struct Moments {
  std::vector<double> mean, variance;
};

Moments moments(Index n, const std::vector<double>& x) {
  Moments result{std::vector<double>(n), std::vector<double>(n)};
  const Index m = std::ssize(x) / n;
  const double rows = static_cast<double>(m);
  for (Index i = 0; i < m * n; ++i) result.mean[i % n] += x[i] / rows;
  for (Index i = 0; i < m * n; ++i) {
    const double deviation = x[i] - result.mean[i % n];
    result.variance[i % n] += deviation * deviation / (rows * (rows - 1));
  }
  return result;  // 0 / 0 for a single row
}

// Contributions (pairs, n) in several games, queried for the same coalitions; result[g] has v(∅) and v(all)
// of game g.
struct PairedContributions {
  std::vector<std::vector<double>> of_game;
  std::vector<ShapleyEstimate> ends;
};

// Pairs of orders that a budget allows, at least one.
Index pairs_of(Index players, Index budget) {
  return std::max<Index>(1, budget / (2 * (players - 1)));
}

PairedContributions sample_pairs(Index players, const std::vector<const ValueFunction*>& games, Index budget,
                                 std::uint64_t seed) {
  PairedContributions result;
  result.of_game.resize(games.size());
  for (const ValueFunction* game : games) result.ends.push_back(with_ends(players, *game));
  const Index pairs = pairs_of(players, budget), together = pairs_of(players, kCoalitionsTogether);
  for (Index first = 0; first < pairs; first += together) {
    const Orders orders = draw_orders(players, first, std::min(together, pairs - first), seed);
    for (std::size_t g = 0; g < games.size(); ++g) {
      ShapleyEstimate& ends = result.ends[g];
      add_contributions(orders, checked_values(*games[g], orders.passed), ends.empty, ends.full,
                        result.of_game[g]);
      ends.coalitions += orders.passed.size();
    }
  }
  return result;
}

std::vector<double> roots(std::vector<double> x) {
  for (double& v : x) v = std::sqrt(v);
  return x;
}

}  // namespace

ShapleyEstimate exact_shapley(Index players, const ValueFunction& values) {
  if (players < 1 || players > kMostPlayersEnumerated)
    throw Error(concat("[shapley] ", players, " players, wanted 1 to ", kMostPlayersEnumerated,
                       " to enumerate all coalitions"));
  const Index all = Index{1} << players;
  std::vector<double> v;  // by bit mask
  for (Index first = 0; first < all; first += kCoalitionsTogether) {
    Coalitions chunk{players, {}};
    for (Index mask = first; mask < std::min(all, first + kCoalitionsTogether); ++mask) {
      const std::span<std::uint8_t> members = chunk.add(0);
      for (Index j = 0; j < players; ++j) members[j] = mask >> j & 1;
    }
    const std::vector<double> found = checked_values(values, chunk);
    v.insert(v.end(), found.begin(), found.end());
  }
  std::vector<double> weight{1 / static_cast<double>(players)};  // s! (n − s − 1)! / n! by size s
  for (Index s = 1; s < players; ++s)
    weight.push_back(weight.back() * static_cast<double>(s) / static_cast<double>(players - s));

  ShapleyEstimate result{
      std::vector<double>(players), std::vector<double>(players), v.front(), v.back(), all, true};
  for (Index i = 0; i < players; ++i)
    for (Index mask = 0; mask < all; ++mask)
      if ((mask >> i & 1) == 0)
        result.value[i] +=
            weight[std::popcount(static_cast<std::uint64_t>(mask))] * (v[mask | Index{1} << i] - v[mask]);
  return result;
}

ShapleyEstimate permutation_shapley(Index players, const ValueFunction& values, Index budget,
                                    std::uint64_t seed) {
  check_players(players, budget);
  if (players <= 2) return exact_shapley(players, values);
  PairedContributions sampled = sample_pairs(players, {&values}, budget, seed);
  Moments estimate = moments(players, sampled.of_game[0]);
  ShapleyEstimate result = std::move(sampled.ends[0]);
  result.value = std::move(estimate.mean);
  result.standard_error = roots(std::move(estimate.variance));
  return result;
}

ControlledEstimate controlled_shapley(Index players, const ValueFunction& values,
                                      const ValueFunction& control, std::span<const double> control_shapley,
                                      Index budget, Index whole_budget, std::uint64_t seed) {
  check_players(players, budget);
  if (whole_budget < budget)
    throw Error(concat("[shapley] whole budget of ", whole_budget, " coalitions, wanted at least the ",
                       budget, " of the estimate"));
  if (std::ssize(control_shapley) != players)
    throw Error(concat("[shapley] ", control_shapley.size(), " Shapley values of the control, wanted ",
                       players, ", one for each player"));
  if (players <= 2) return {exact_shapley(players, values), 1};
  PairedContributions sampled = sample_pairs(players, {&values, &control}, budget, seed);
  std::vector<double> difference = sampled.of_game[0];
  for (std::size_t i = 0; i < difference.size(); ++i) difference[i] -= sampled.of_game[1][i];
  const Moments plain = moments(players, sampled.of_game[0]), controlled = moments(players, difference);
  const auto total = [](const std::vector<double>& x) { return std::accumulate(x.begin(), x.end(), 0.0); };
  const double fewer = static_cast<double>(pairs_of(players, budget)) /
                       static_cast<double>(pairs_of(players, whole_budget)),
               without = total(plain.variance) * fewer, with = total(controlled.variance);

  ControlledEstimate result{std::move(sampled.ends[0]), without == 0 && with == 0 ? 1 : without / with};
  result.estimate.value = controlled.mean;
  for (Index i = 0; i < players; ++i) result.estimate.value[i] += control_shapley[i];
  result.estimate.standard_error = roots(controlled.variance);
  return result;
}

}  // namespace slalom
