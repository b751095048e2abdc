#include "slalom/explain/shapley.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>
#include <unordered_map>
#include <utility>

#include "slalom/base/error.hpp"
#include "slalom/base/random.hpp"
#include "slalom/kernels/gemm.hpp"
#include "slalom/kernels/least_squares.hpp"

namespace slalom {

namespace {

constexpr Index kAskedTogether = 65536;
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

void check_players(Index players, Index budget) {
  if (players < 1) throw Error(concat("[shapley] ", players, " players, wanted at least 1"));
  if (budget < 1) throw Error(concat("[shapley] budget of ", budget, " coalitions, wanted at least 1"));
}

// v(∅) and v(all).
ShapleyEstimate ask_ends(Index players, const ValueFunction& values) {
  Coalitions ends{players, {}};
  ends.add(0);
  ends.add(1);
  const std::vector<double> answers = ask(values, ends);
  ShapleyEstimate result;
  result.empty = answers[0];
  result.full = answers[1];
  result.coalitions = 2;
  return result;
}

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
    std::vector<Index> order(players);
    std::iota(order.begin(), order.end(), Index{0});
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
void add_contributions(const Orders& orders, const std::vector<double>& answers, double empty, double full,
                       std::vector<double>& to) {
  const Index players = orders.passed.players;
  const double* v = answers.data();
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

// Contributions (pairs, n) in several games, asked about the same coalitions; result[g] has v(∅) and v(all)
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
  for (const ValueFunction* game : games) result.ends.push_back(ask_ends(players, *game));
  const Index pairs = pairs_of(players, budget), together = pairs_of(players, kAskedTogether);
  for (Index first = 0; first < pairs; first += together) {
    const Orders orders = draw_orders(players, first, std::min(together, pairs - first), seed);
    for (std::size_t g = 0; g < games.size(); ++g) {
      ShapleyEstimate& ends = result.ends[g];
      add_contributions(orders, ask(*games[g], orders.passed), ends.empty, ends.full, result.of_game[g]);
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
  for (Index first = 0; first < all; first += kAskedTogether) {
    Coalitions chunk{players, {}};
    for (Index mask = first; mask < std::min(all, first + kAskedTogether); ++mask) {
      const std::span<std::uint8_t> members = chunk.add(0);
      for (Index j = 0; j < players; ++j) members[j] = mask >> j & 1;
    }
    const std::vector<double> answers = ask(values, chunk);
    v.insert(v.end(), answers.begin(), answers.end());
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

namespace {

void add_complement(Coalitions& to) {
  const Index last = to.size() - 1;
  const std::span<std::uint8_t> members = to.add(1);
  for (Index j = 0; j < to.players; ++j)
    if (to.row(last)[j] != 0) members[j] = 0;
}

}  // namespace

void add_coalitions_of_size(Index k, Coalitions& to) {
  const Index n = to.players;
  std::vector<Index> chosen(k);
  std::iota(chosen.begin(), chosen.end(), Index{0});
  for (;;) {
    const std::span<std::uint8_t> members = to.add(0);
    for (const Index j : chosen) members[j] = 1;
    if (2 * k != n) add_complement(to);
    Index last = k - 1;
    while (last >= 0 && chosen[last] == n - k + last) --last;
    if (last < 0) return;
    ++chosen[last];
    for (Index j = last + 1; j < k; ++j) chosen[j] = chosen[j - 1] + 1;
  }
}

namespace {

// What Kernel SHAP asks: sizes that the budget covers in full, then sampled coalitions, each followed by its
// complement. `weight` is the Shapley kernel; that of all sizes not covered is shared by the draws.
struct KernelSample {
  Coalitions asked;
  std::vector<double> weight;
  Index enumerated = 0;       // rows of `asked`
  std::vector<double> drawn;  // (pairs) how often
  double draws = 0, sampled_weight = 0;
  bool exact = false;
};

// The kernel of all coalitions of one size together: (n − 1) / (s (n − s)).
double size_weight(Index n, Index s) {
  return static_cast<double>(n - 1) / (static_cast<double>(s) * static_cast<double>(n - s));
}

// Draws pairs of sizes `smallest` to n − `smallest` until `pairs` different ones have come up, or ten times
// as many draws were made.
void sample_coalitions(Index smallest, Index pairs, std::uint64_t seed, KernelSample& sample) {
  const Index n = sample.asked.players;
  for (Index s = smallest; s <= n - smallest; ++s) sample.sampled_weight += size_weight(n, s);
  Rng rng(seed, Purpose::query);
  std::unordered_map<std::string, std::size_t> known;
  std::vector<Index> order(n);
  std::iota(order.begin(), order.end(), Index{0});
  for (Index draw = 0; std::ssize(sample.drawn) < pairs && draw < 10 * pairs; ++draw, ++sample.draws) {
    double left = rng.uniform() * sample.sampled_weight;
    Index s = smallest;
    while (s < n - smallest && left >= size_weight(n, s)) left -= size_weight(n, s++);
    for (Index j = 0; j < s; ++j)
      std::swap(order[j], order[j + rng.below(static_cast<std::uint32_t>(n - j))]);
    std::string members(n, '\0');
    for (Index j = 0; j < s; ++j) members[order[j]] = 1;
    if (members[0] == 0)  // one name for a coalition and its complement
      for (char& m : members) m = m == 0 ? 1 : 0;
    const auto [at, is_new] = known.try_emplace(members, sample.drawn.size());
    if (is_new) {
      std::copy(members.begin(), members.end(), sample.asked.add(0).begin());
      add_complement(sample.asked);
      sample.drawn.push_back(0);
    }
    ++sample.drawn[at->second];
  }
  for (const double times : sample.drawn)
    sample.weight.insert(sample.weight.end(), 2, sample.sampled_weight * times / (2 * sample.draws));
}

KernelSample kernel_sample(Index n, Index budget, std::uint64_t seed) {
  KernelSample sample{{n, {}}, {}};
  Index smallest = 1;
  double count = static_cast<double>(n);  // C(n, smallest)
  for (; 2 * smallest <= n; ++smallest) {
    const double sizes = 2 * smallest == n ? 1 : 2;
    if (sizes * count > static_cast<double>(budget - sample.asked.size())) break;
    add_coalitions_of_size(smallest, sample.asked);
    sample.weight.resize(sample.asked.size(), size_weight(n, smallest) / count);
    // Multiplied before it is divided: whole numbers, no rounding error that the budget could miss by.
    count = count * static_cast<double>(n - smallest) / static_cast<double>(smallest + 1);
  }
  sample.enumerated = sample.asked.size();
  sample.exact = 2 * smallest > n;
  if (!sample.exact) sample_coalitions(smallest, (budget - sample.enumerated) / 2, seed, sample);
  return sample;
}

// The fit Σ_j φ_j z_j = v(S) − v(∅) under Σ_j φ_j = v(all) − v(∅) = Δ, freed of the last player:
//   Σ_{j < n − 1} φ_j (z_j − z_{n−1}) = v(S) − v(∅) − z_{n−1} Δ.
// row (n): the n − 1 differences, then the right-hand side.
void equation(std::span<const std::uint8_t> z, double value, const ShapleyEstimate& ends, double* row) {
  const std::size_t last = z.size() - 1;
  for (std::size_t j = 0; j < last; ++j) row[j] = z[j] - z[last];
  row[last] = value - ends.empty - z[last] * (ends.full - ends.empty);
}

// Σ weight rowᵀ row (n, n) over all equations: normal matrix and right-hand side in one, in panels of rows.
std::vector<double> normal_equations(const Coalitions& asked, std::span<const double> weight,
                                     std::span<const double> answers, const ShapleyEstimate& ends) {
  constexpr Index kPanel = 1024;
  const Index n = asked.players, rows = asked.size();
  std::vector<double> normal(n * n), panel(kPanel * n);
  for (Index first = 0; first < rows; first += kPanel) {
    const Index height = std::min(kPanel, rows - first);
    for (Index i = 0; i < height; ++i) {
      double* row = panel.data() + i * n;
      equation(asked.row(first + i), answers[first + i], ends, row);
      const double root = std::sqrt(weight[first + i]);
      for (Index j = 0; j < n; ++j) row[j] *= root;
    }
    gemm<double>(n, n, height, {panel.data(), n, Layout::transposed}, {panel.data(), n}, 1.0, normal.data(),
                 n);
  }
  return normal;
}

// Sets estimate.value, which has the ends; the Cholesky factor (n − 1, n − 1).
std::vector<double> solve_equations(const Coalitions& asked, std::span<const double> weight,
                                    std::span<const double> answers, ShapleyEstimate& estimate) {
  const std::vector<double> normal = normal_equations(asked, weight, answers, estimate);
  const Index players = asked.players, free = players - 1;
  std::vector<double> matrix(free * free);
  estimate.value.resize(players);
  for (Index i = 0; i < free; ++i) {
    std::copy_n(normal.data() + i * players, free, matrix.data() + i * free);
    estimate.value[i] = normal[i * players + free];
  }
  if (!cholesky(free, matrix.data())) throw Error("[shapley] the coalitions do not determine the fit");
  cholesky_solve(free, matrix.data(), estimate.value.data());
  estimate.value[free] = estimate.full - estimate.empty;
  for (Index i = 0; i < free; ++i) estimate.value[free] -= estimate.value[i];
  return matrix;
}

// Of the solution φ of Xᵀ W (y − X φ) = 0. A draw of a pair adds W/2 (x r + x′ r′) to the left-hand side, W
// the weight that the draws share, r the residuals, x′ = −x those of the complement; that moves the solution
// by `inverse` = (Xᵀ W X)⁻¹ times it, and the solution's variance is that of the mean of these moves.
std::vector<double> kernel_variance(const KernelSample& sample, const std::vector<double>& answers,
                                    const ShapleyEstimate& result, const std::vector<double>& inverse) {
  const Index n = sample.asked.players, free = n - 1, pairs = std::ssize(sample.drawn);
  if (sample.draws < 2) return std::vector<double>(n, kNan);
  std::vector<double> pull(pairs * free), move(pairs * n), row(n);
  for (Index d = 0; d < pairs; ++d)
    for (const Index i : {sample.enumerated + 2 * d, sample.enumerated + 2 * d + 1}) {
      equation(sample.asked.row(i), answers[i], result, row.data());
      double residual = row[free];
      for (Index j = 0; j < free; ++j) residual -= row[j] * result.value[j];
      for (Index j = 0; j < free; ++j) pull[d * free + j] += sample.sampled_weight / 2 * row[j] * residual;
    }
  gemm<double>(pairs, free, free, {pull.data(), free}, {inverse.data(), free}, 0.0, move.data(), n);
  std::vector<double> mean(n), variance(n);
  for (Index d = 0; d < pairs; ++d) {
    double& last = move[d * n + free];  // the sum of all is held
    for (Index j = 0; j < free; ++j) last -= move[d * n + j];
    for (Index j = 0; j < n; ++j) mean[j] += sample.drawn[d] * move[d * n + j] / sample.draws;
  }
  for (Index d = 0; d < pairs; ++d)
    for (Index j = 0; j < n; ++j) {
      const double deviation = move[d * n + j] - mean[j];
      variance[j] += sample.drawn[d] * deviation * deviation / (sample.draws * (sample.draws - 1));
    }
  return variance;
}

}  // namespace

std::vector<double> kernel_regression(const Coalitions& asked, std::span<const double> weight,
                                      std::span<const double> answers, double empty, double full) {
  ShapleyEstimate estimate;
  estimate.empty = empty;
  estimate.full = full;
  solve_equations(asked, weight, answers, estimate);
  return estimate.value;
}

ShapleyEstimate kernel_shapley(Index players, const ValueFunction& values, Index budget, std::uint64_t seed) {
  check_players(players, budget);
  if (players == 1) return exact_shapley(players, values);
  const Index needed = players == 2 ? 2 : 2 * players;
  if (budget < needed)
    throw Error(concat("[shapley] budget of ", budget, " coalitions, wanted at least ", needed, " for ",
                       players, " players"));
  ShapleyEstimate result = ask_ends(players, values);
  const KernelSample sample = kernel_sample(players, budget, seed);
  const std::vector<double> answers = ask(values, sample.asked);
  result.coalitions += sample.asked.size();
  result.exact = sample.exact;

  std::vector<double> matrix = solve_equations(sample.asked, sample.weight, answers, result);
  result.standard_error.assign(players, 0);
  if (result.exact) return result;
  cholesky_inverse(players - 1, matrix.data());
  result.standard_error = roots(kernel_variance(sample, answers, result, matrix));
  return result;
}

}  // namespace slalom
