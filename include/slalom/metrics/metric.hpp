// What every metric says of itself, and the mean of many with its standard error.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "slalom/base/index.hpp"

namespace slalom {

enum class Direction { higher_is_better, lower_is_better };
const char* name(Direction direction);  // "higher is better", "lower is better"

struct MetricInfo {
  std::string name;
  Direction direction;
  std::string unit;         // "probability", "nats²", "1"
  std::string description;  // one line
};

/// All metrics, in the order in which they are listed; the one table of names, directions and units.
const std::vector<MetricInfo>& metrics();
/// Throws UsageError naming the metrics there are.
const MetricInfo& metric_named(const std::string& name);

struct Summary {
  Index n = 0;
  double mean = 0;            // NaN for n = 0
  double standard_error = 0;  // standard deviation / √n; NaN for n < 2
};
/// Values that are NaN (undefined for a text) are left out and not counted in n.
Summary summarise(std::span<const double> values);

}  // namespace slalom
