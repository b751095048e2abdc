// Derivatives of a scalar by central differences.
#pragma once

#include <functional>
#include <span>
#include <vector>

namespace slalom::test {

/// Of f by each of the numbers that it reads, at their values; error about 1e-10 times the third derivative
/// and 1e-11 times f.
inline std::vector<double> central_differences(std::span<double> numbers, const std::function<double()>& f) {
  constexpr double kStep = 1e-5;
  std::vector<double> slopes;
  for (double& x : numbers) {
    const double kept = x;
    x = kept + kStep;
    const double above = f();
    x = kept - kStep;
    slopes.push_back((above - f()) / (2 * kStep));
    x = kept;
  }
  return slopes;
}

}  // namespace slalom::test
