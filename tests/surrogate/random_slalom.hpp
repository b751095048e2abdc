#pragma once

#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

#include "slalom/base/random.hpp"
#include "slalom/surrogate/slalom.hpp"

namespace slalom::test {

/// Values N(0, 1.5²), importances N(0, spread²), a background of N(0, 1) and N(0, 1) if wanted.
inline SlalomModel random_slalom(Index tokens, double spread, bool background, std::uint64_t seed) {
  Rng rng(seed, Purpose::test, 0);
  SlalomModel model;
  for (Index k = 0; k < tokens; ++k) {
    model.value.push_back(1.5 * rng.normal());
    model.importance.push_back(spread * rng.normal());
  }
  if (background) model.background = Background{rng.normal(), rng.normal()};
  model.centre();
  return model;
}

/// Texts of 1 to `longest` tokens with the model's log-odds and normal noise.
inline Sample random_sample(const SlalomModel& model, Index texts, Index longest, double noise,
                            std::uint64_t seed) {
  Rng rng(seed, Purpose::test, 1);
  Sample sample;
  sample.tokens = static_cast<Index>(model.value.size());
  std::vector<Sample::Token> text;
  for (Index i = 0; i < texts; ++i) {
    text.assign(1 + rng.below(static_cast<std::uint32_t>(longest)), 0);
    for (Sample::Token& k : text)
      k = static_cast<Sample::Token>(rng.below(static_cast<std::uint32_t>(sample.tokens)));
    sample.add(text, model.predict(text) + noise * rng.normal());
  }
  return sample;
}

inline double worst_difference(const std::vector<double>& a, const std::vector<double>& b) {
  double worst = a.size() == b.size() && !a.empty() ? 0 : INFINITY;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i)
    worst = std::max(worst, std::isfinite(a[i] - b[i]) ? std::abs(a[i] - b[i]) : INFINITY);
  return worst;
}

}  // namespace slalom::test
