// Comparisons that cannot pass by accident: they refuse empty ranges, unequal lengths and non-finite numbers.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <ranges>

namespace slalom::test {

/// max |got − want| / max |want|, or infinity if the ranges are empty, differ in length or hold NaN or Inf.
template <std::ranges::input_range A, std::ranges::input_range B>
double relative_error(const A& got, const B& want) {
  double worst = 0, scale = 0;
  std::size_t n = 0;
  auto g = std::ranges::begin(got);
  for (auto w = std::ranges::begin(want); w != std::ranges::end(want); ++w, ++g, ++n) {
    if (g == std::ranges::end(got)) return INFINITY;
    const double x = static_cast<double>(*g), y = static_cast<double>(*w);
    if (!std::isfinite(x) || !std::isfinite(y)) return INFINITY;
    worst = std::max(worst, std::abs(x - y));
    scale = std::max(scale, std::abs(y));
  }
  if (n == 0 || g != std::ranges::end(got)) return INFINITY;
  return worst == 0 ? 0 : worst / std::max(scale, 1e-300);
}

/// |got − want| / |want|, infinity for non-finite numbers; the error itself where want is 0.
inline double relative_error(double got, double want) {
  if (!std::isfinite(got) || !std::isfinite(want)) return INFINITY;
  return std::abs(got - want) / (want == 0 ? 1 : std::abs(want));
}

}  // namespace slalom::test
