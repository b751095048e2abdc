#include "slalom/surrogate/position_effects.hpp"

#include <algorithm>

#include "slalom/base/error.hpp"
#include "slalom/base/parallel.hpp"
#include "slalom/kernels/least_squares.hpp"

namespace slalom {

double PositionEffects::of(std::span<const Sample::Token> text) const {
  double sum = 0;
  for (Index i = 0; i < std::ssize(text); ++i)
    if (const auto found = effect.find(key(text[i], i)); found != effect.end()) sum += found->second;
  return sum / (background + static_cast<double>(text.size()));
}

std::vector<double> position_covariance(const Sample& sample, std::span<const Index> texts,
                                        double background) {
  const Index n = std::ssize(texts);
  std::vector<double> P(static_cast<std::size_t>(n * n));
  parallel_ranges(n, 8, [&](Index first, Index last) {
    for (Index i = first; i < last; ++i)
      for (Index j = 0; j <= i; ++j) {
        const auto a = sample.text(texts[i]), b = sample.text(texts[j]);
        const std::size_t shorter = std::min(a.size(), b.size());
        Index common = 0;
        for (std::size_t p = 0; p < shorter; ++p) common += a[p] == b[p];
        P[i * n + j] = static_cast<double>(common) / ((background + static_cast<double>(a.size())) *
                                                      (background + static_cast<double>(b.size())));
      }
  });
  for (Index i = 0; i < n; ++i)
    for (Index j = 0; j < i; ++j) P[j * n + i] = P[i * n + j];
  return P;
}

PositionEffects explain_by_positions(const Sample& sample, std::span<const Index> texts,
                                     const std::vector<double>& P, double rho, double background,
                                     const std::vector<double>& residual, std::vector<double>& target) {
  const Index n = std::ssize(texts);
  std::vector<double> V = P, unexplained = residual;  // ρ P V⁻¹ r = r − V⁻¹ r is explained, V = I + ρ P
  for (Index i = 0; i < n; ++i)
    for (Index j = 0; j < n; ++j) V[i * n + j] = rho * V[i * n + j] + (i == j ? 1 : 0);
  if (!cholesky(n, V.data())) throw Error("[slalom] the covariance of position effects is not positive");
  cholesky_solve(n, V.data(), unexplained.data());
  PositionEffects effects{background, {}};
  for (Index i = 0; i < n; ++i) {
    const auto text = sample.text(texts[i]);
    const double share = rho * unexplained[i] / (background + static_cast<double>(text.size()));
    for (Index p = 0; p < std::ssize(text); ++p) effects.effect[PositionEffects::key(text[p], p)] += share;
    target[i] -= residual[i] - unexplained[i];
  }
  return effects;
}

}  // namespace slalom
