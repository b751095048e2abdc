// Numbers of a study, and how far they can be trusted.
#pragma once

#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <span>
#include <string>

#include "slalom/base/json.hpp"
#include "slalom/base/parallel.hpp"

namespace slalom::experiment {

/// A number and the 95 % interval of what it estimates. Of a number that speaks of nothing beyond itself,
/// such as one of a single trained model, both ends are the number.
struct Estimate {
  double value = NAN, low = NAN, high = NAN;

  Estimate() = default;
  Estimate(double itself) : Estimate(itself, itself, itself) {}
  Estimate(double value_, double low_, double high_) : value(value_), low(low_), high(high_) {}
};
using Estimates = std::map<std::string, Estimate>;

/// The .975 quantile of Student's t; NaN for less than one degree of freedom.
double t_quantile(Index degrees_of_freedom);
/// Mean of the numbers that are not NaN; Student's t, n − 1 degrees of freedom. The ends are NaN for n < 2.
Estimate mean_over(std::span<const double> values);
/// The same for trained models: a single one speaks for itself.
Estimate mean_over_runs(std::span<const double> values);
/// A correlation over n pairs, by Fisher's transformation. The ends are NaN for n < 4.
Estimate correlation_over(double r, Index n);

std::map<std::string, double> values_of(const Estimates& estimates);
/// {"NAME": [value, low, high], …}, null for NaN, and back. Throws Error with `where` and the name for
/// anything else.
Json to_json(const Estimates& estimates);
Estimates estimates_from(const Json& json, const std::string& where);

}  // namespace slalom::experiment
