// Kernel SHAP (S. Lundberg, S.-I. Lee, NeurIPS 2017, theorem 2): Shapley values are the coefficients of the
// additive game v(∅) + Σ_{j in S} φ_j that is nearest to v,
//     minimise Σ_S k(|S|) (v(S) − v(∅) − Σ_{j in S} φ_j)²   under   Σ_j φ_j = v(all) − v(∅),
//     k(s) = (n − 1) / (C(n, s) s (n − s)),  0 < s < n.
// All C(n, s) coalitions of a size together weigh (n − 1) / (s (n − s)): sizes near 0 and n are few and weigh
// most, so they are enumerated first. The rest of the sum is replaced by a mean over random coalitions, of
// sizes drawn by these weights and of members drawn evenly; with each comes its complement, which makes the
// estimate vary less (I. Covert, S.-I. Lee, AISTATS 2021).
#include <algorithm>
#include <cmath>

#include "slalom/base/distinct.hpp"
#include "slalom/base/error.hpp"
#include "slalom/explain/shapley.hpp"
#include "slalom/kernels/gemm.hpp"
#include "slalom/kernels/least_squares.hpp"

namespace slalom {

void add_coalitions_of_size(Index k, Coalitions& to) {
  const Index n = to.players;
  std::vector<Index> chosen = counted(k);
  for (;;) {
    const std::span<std::uint8_t> members = to.add(0);
    for (const Index j : chosen) members[j] = 1;
    if (2 * k != n) to.add_complement();
    Index last = k - 1;
    while (last >= 0 && chosen[last] == n - k + last) --last;
    if (last < 0) return;
    ++chosen[last];
    for (Index j = last + 1; j < k; ++j) chosen[j] = chosen[j - 1] + 1;
  }
}

namespace {

// What Kernel SHAP queries: sizes that the budget covers in full, then sampled coalitions, each followed by
// its complement. `weight` is the Shapley kernel; that of all sizes not covered is shared by the draws.
struct KernelSample {
  Coalitions coalitions;
  std::vector<double> weight;
  Index enumerated = 0;       // of them
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
  const Index n = sample.coalitions.players;
  for (Index s = smallest; s <= n - smallest; ++s) sample.sampled_weight += size_weight(n, s);
  Rng rng(seed, Purpose::query);
  DistinctLists known;
  std::vector<Index> order = counted(n);
  for (Index draw = 0; known.size() < pairs && draw < 10 * pairs; ++draw, ++sample.draws) {
    double left = rng.uniform() * sample.sampled_weight;
    Index s = smallest;
    while (s < n - smallest && left >= size_weight(n, s)) left -= size_weight(n, s++);
    std::vector<std::uint8_t> members(n);
    set_random(s, 1, rng, order, members);
    if (members[0] == 0)  // one name for a coalition and its complement
      for (std::uint8_t& m : members) m = m == 0 ? 1 : 0;
    const Index number = known.number<std::uint8_t>(members);
    if (number == std::ssize(sample.drawn)) {
      sample.coalitions.add(members);
      sample.coalitions.add_complement();
      sample.drawn.push_back(0);
    }
    ++sample.drawn[number];
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
    if (sizes * count > static_cast<double>(budget - sample.coalitions.size())) break;
    add_coalitions_of_size(smallest, sample.coalitions);
    sample.weight.resize(sample.coalitions.size(), size_weight(n, smallest) / count);
    // Multiplied before it is divided: whole numbers, no rounding error that the budget could miss by.
    count = count * static_cast<double>(n - smallest) / static_cast<double>(smallest + 1);
  }
  sample.enumerated = sample.coalitions.size();
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

// Sets estimate.value, which has the ends; the Cholesky factor (n − 1, n − 1).
std::vector<double> solve_equations(const Coalitions& coalitions, std::span<const double> weight,
                                    std::span<const double> values, ShapleyEstimate& estimate) {
  const std::vector<double> normal = weighted_gram(weight, coalitions.players, [&](Index i, double* row) {
    equation(coalitions.row(i), values[i], estimate, row);
  });
  const Index players = coalitions.players, free = players - 1;
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

// Variances of the solution φ of Xᵀ W (y − X φ) = 0, by what each draw moves it (its influence). A draw of a
// pair adds W/2 (x r + x′ r′) to the left-hand side, W the weight that the draws share, r the residuals, x′ =
// −x those of the complement; that moves the solution by `inverse` = (Xᵀ W X)⁻¹ times it, and the solution's
// variance is that of the mean of these moves.
std::vector<double> kernel_variance(const KernelSample& sample, const std::vector<double>& values,
                                    const ShapleyEstimate& result, const std::vector<double>& inverse) {
  const Index n = sample.coalitions.players, free = n - 1, pairs = std::ssize(sample.drawn);
  if (sample.draws < 2) return std::vector<double>(n, std::nan(""));
  std::vector<double> pull(pairs * free), move(pairs * n), row(n);
  for (Index d = 0; d < pairs; ++d)
    for (const Index i : {sample.enumerated + 2 * d, sample.enumerated + 2 * d + 1}) {
      equation(sample.coalitions.row(i), values[i], result, row.data());
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

std::vector<double> kernel_regression(const Coalitions& coalitions, std::span<const double> weight,
                                      std::span<const double> values, double empty, double full) {
  ShapleyEstimate estimate;
  estimate.empty = empty;
  estimate.full = full;
  solve_equations(coalitions, weight, values, estimate);
  return estimate.value;
}

ShapleyEstimate kernel_shapley(Index players, const ValueFunction& values, Index budget, std::uint64_t seed) {
  check_players(players, budget);
  if (players == 1) return exact_shapley(players, values);
  const Index needed = players == 2 ? 2 : 2 * players;
  if (budget < needed)
    throw Error(concat("[shapley] budget of ", budget, " coalitions, wanted at least ", needed, " for ",
                       players, " players"));
  ShapleyEstimate result = with_ends(players, values);
  const KernelSample sample = kernel_sample(players, budget, seed);
  const std::vector<double> found = checked_values(values, sample.coalitions);
  result.coalitions += sample.coalitions.size();
  result.exact = sample.exact;

  std::vector<double> matrix = solve_equations(sample.coalitions, sample.weight, found, result);
  result.standard_error.assign(players, 0);
  if (result.exact) return result;
  cholesky_inverse(players - 1, matrix.data());
  result.standard_error = kernel_variance(sample, found, result, matrix);
  for (double& e : result.standard_error) e = std::sqrt(e);
  return result;
}

}  // namespace slalom
