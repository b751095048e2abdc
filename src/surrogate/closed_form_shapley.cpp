#include "slalom/surrogate/closed_form_shapley.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <utility>

#include "slalom/base/error.hpp"

namespace slalom {

// The derivation. φ_i = ∫_0^1 E_p[v(S ∪ i) − v(S)] dp, where S holds each other player with probability p
// (Owen). Let e_j = e^{s_j} and take from all values the background's (without one, any constant: see below),
// so that v(S) = Σ_{j ∈ S} e_j v_j / Z_S and v(∅) = 0. With 1 / Z_S = ∫ e^{−u Z_S} du the expectations
// factor:
//   D_k = 1 − e^{−u e_k},  f_k = 1 − p D_k = E[e^{−u e_k [k ∈ S]}],  P = e^{−u e_0} Π_k f_k,
//   a_k = e_k v_k e^{−u e_k} / f_k,  A = Σ_k a_k,
//   φ_i = ∫_0^1 dp ∫_0^∞ du  (P / f_i) (a_i − p D_i A).
// No factor grows: f_k ≤ 1, and a_k is at most e_k |v_k| / p.
namespace {

struct Node {
  double at, weight;
};

// Gauss-Legendre on [0, 1]: Newton iteration for the zeros of the Legendre polynomial P_m on [−1, 1], from
// the starting points cos(π (i + 3/4) / (m + 1/2)).
std::vector<Node> gauss_legendre(Index m) {
  std::vector<Node> nodes;
  const double order = static_cast<double>(m);
  for (Index i = 0; i < m; ++i) {
    double x = std::cos(std::numbers::pi * (static_cast<double>(i) + 0.75) / (order + 0.5)), slope = 1;
    for (int round = 0; round < 100; ++round) {
      double before = 0, now = 1;  // P_{k − 1}, P_k
      for (Index k = 0; k < m; ++k) {
        const double degree = static_cast<double>(k);
        before = std::exchange(now, ((2 * degree + 1) * x * now - degree * before) / (degree + 1));
      }
      slope = order * (x * now - before) / (x * x - 1);
      const double step = now / slope;
      x -= step;
      if (std::abs(step) < 1e-15) break;
    }
    nodes.push_back({(1 + x) / 2, 1 / ((1 - x * x) * slope * slope)});
  }
  return nodes;
}

// Nodes of log u for ∫ g(u) du = ∫ g(u) u d(log u), where log u = t − e^{−t} − log Z: double exponential
// towards 0, where only u Z ≪ 1 has to be reached, and even in log u beyond 1 / Z up to 1 / (smallest rate),
// since the importances spread over many scales. The integrand is analytic and bounded where the real part of
// u is positive, so that a step h in t errs by e^{−π² / h}.
std::vector<Node> logarithmic_nodes(double log_sum, double log_slowest) {
  constexpr double kStep = 0.25, kFirst = -3.75, kReach = 3.75;  // u · rate up to e^3.75 = 42.5
  const Index count = 1 + static_cast<Index>(std::ceil((log_sum - log_slowest + kReach - kFirst) / kStep));
  std::vector<Node> nodes;
  for (Index k = 0; k < count; ++k) {
    const double t = kFirst + kStep * static_cast<double>(k);
    nodes.push_back({t - std::exp(-t) - log_sum, kStep * (1 + std::exp(-t))});
  }
  return nodes;
}

double log_sum_exp(std::span<const double> x, double more) {
  const double highest = std::max(more, *std::max_element(x.begin(), x.end()));
  double sum = std::exp(more - highest);
  for (const double y : x) sum += std::exp(y - highest);
  return highest + std::log(sum);
}

// The factors of one node u: x_k = u e_k v_k e^{−u e_k} and D_k; `background` is u e_0.
struct Factors {
  std::vector<double> x, d;
  double background;
};

// log Π f_k; f_k > 1 − p > 1e-6 for the nodes of any n below 10^8, so 32 of them do not underflow.
double log_product(const std::vector<double>& f) {
  constexpr std::size_t kTogether = 32;
  double sum = 0;
  for (std::size_t k = 0; k < f.size(); k += kTogether) {
    double product = 1;
    for (std::size_t j = k; j < std::min(f.size(), k + kTogether); ++j) product *= f[j];
    sum += std::log(product);
  }
  return sum;
}

// φ_i += weight (P / f_i) (a_i − p D_i A) for all i; `f` is room for n numbers.
void add_node(const Factors& factors, double p, double weight, std::vector<double>& f,
              std::vector<double>& phi) {
  const std::size_t n = phi.size();
  double sum = 0;
  for (std::size_t k = 0; k < n; ++k) {
    f[k] = 1 - p * factors.d[k];
    sum += factors.x[k] / f[k];
  }
  const double scale = weight * std::exp(log_product(f) - factors.background);
  for (std::size_t i = 0; i < n; ++i) phi[i] += scale / f[i] * (factors.x[i] / f[i] - p * factors.d[i] * sum);
}

void check_game(std::span<const double> value, std::span<const double> importance,
                const std::optional<Background>& background, double empty) {
  if (value.empty() || value.size() != importance.size())
    throw Error(concat("[shapley] ", value.size(), " values and ", importance.size(),
                       " importances, wanted as many of each and at least one"));
  const auto finite = [](double x) { return std::isfinite(x); };
  if (!std::all_of(value.begin(), value.end(), finite) ||
      !std::all_of(importance.begin(), importance.end(), finite) || !std::isfinite(empty) ||
      (background && !std::isfinite(background->importance)))
    throw Error("[shapley] a value, an importance or v(∅) is not a finite number");
  const auto [lowest, highest] = std::minmax_element(importance.begin(), importance.end());
  const double top = background ? std::max(*highest, background->importance) : *highest;
  if (top - *lowest > kMostImportanceSpread)
    throw Error(concat("[shapley] importances differ by ", top - *lowest, ", wanted at most ",
                       kMostImportanceSpread));
  if (background && std::abs(background->value - empty) > 1e-9 * (1 + std::abs(empty)))
    throw Error(concat("[shapley] v(∅) is ", empty, ", wanted the background's value ", background->value));
}

}  // namespace

std::vector<double> slalom_shapley(std::span<const double> value, std::span<const double> importance,
                                   const std::optional<Background>& background, double empty) {
  check_game(value, importance, background, empty);
  const std::size_t n = value.size();
  const double players = static_cast<double>(n), nowhere = -std::numeric_limits<double>::infinity();
  // Without a background v jumps from `empty` at ∅ to averages of values; less their mean c, they leave the
  // game that is c − empty for every S but ∅, whose Shapley values are (c − empty) / n.
  double base = 0;
  for (const double v : value) base += v / players;
  if (background) base = background->value;
  std::vector<double> phi(n), f(n);
  Factors factors{std::vector<double>(n), std::vector<double>(n), 0};

  const double log_background = background ? background->importance : nowhere;
  const double lowest = *std::min_element(importance.begin(), importance.end());
  const std::vector<Node> scales = logarithmic_nodes(log_sum_exp(importance, log_background),
                                                     log_sum_exp(std::span(&lowest, 1), log_background));
  // The integrand is a polynomial of degree n − 1 in p, for which n / 2 nodes are exact; its factors 1 − p D
  // grow so little around [0, 1] that m nodes err by no more than e^{−4 m² / n}.
  const std::vector<Node> chances =
      gauss_legendre(std::min<Index>(std::ssize(value) / 2 + 1, std::lround(3 * std::sqrt(players)) + 4));
  for (const Node& u : scales) {
    factors.background = std::exp(u.at + log_background);
    for (std::size_t k = 0; k < n; ++k) {
      const double rate = std::exp(u.at + importance[k]);
      factors.d[k] = -std::expm1(-rate);
      factors.x[k] = rate * (value[k] - base) * (1 - factors.d[k]);
    }
    for (const Node& p : chances) add_node(factors, p.at, u.weight * p.weight, f, phi);
  }
  if (!background)
    for (double& x : phi) x += (base - empty) / players;
  return phi;
}

}  // namespace slalom
