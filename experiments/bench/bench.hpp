// What `make bench` measures: training steps, and explanations.
#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "slalom/base/parallel.hpp"

namespace slalom::bench {

/// Rows as JSON objects, and as a table to read.
struct Measured {
  std::vector<std::string> json;
  std::string table;
};

Index training_rows();
/// Rows by number, from 0; about `seconds` are spent on each.
Measured measure_training(const std::vector<Index>& rows, double seconds);

Index explanation_rows();
Measured measure_explanations(const std::vector<Index>& rows, double seconds);

/// Of one number or more.
inline std::pair<double, double> least_and_median(std::vector<double> x) {
  std::ranges::sort(x);
  return {x.front(), x[x.size() / 2]};
}

}  // namespace slalom::bench
