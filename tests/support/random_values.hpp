#pragma once

#include <cstdint>
#include <vector>

#include "slalom/base/index.hpp"
#include "slalom/base/random.hpp"

namespace slalom::test {

/// Standard normal numbers, a function of `seed`.
template <class T>
std::vector<T> random_values(Index n, std::uint64_t seed) {
  Rng rng(seed, Purpose::test);
  std::vector<T> values(static_cast<std::size_t>(n));
  for (T& x : values) x = static_cast<T>(rng.normal());
  return values;
}

}  // namespace slalom::test
