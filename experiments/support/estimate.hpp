// Numbers of a study, how far they can be trusted, and what that says of a claim about them.
#pragma once

#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <span>
#include <string>

#include "slalom/base/index.hpp"
#include "slalom/base/json.hpp"

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

/// Mean of the numbers that are not NaN; Student's t, n − 1 degrees of freedom. The ends are NaN for n < 2.
Estimate mean_over(std::span<const double> values);
/// The same for trained models: a single one speaks for itself.
Estimate mean_over_runs(std::span<const double> values);
/// A correlation over n pairs, by Fisher's transformation. The ends are NaN for n < 4.
Estimate correlation_over(double r, Index n);

/// {"NAME": [value, low, high], …}, null for NaN, and back. Throws Error with `where` and the name for
/// anything else.
Json to_json(const Estimates& estimates);
Estimates estimates_from(const Json& json, const std::string& where);

enum class Judgement { holds, fails, undecided, not_measured };
const char* word(Judgement judgement);  // "holds", "fails", "undecided", "not measured"

/// What an estimate says of the claim that the number is above the bound (or below it): it holds if the whole
/// interval is on that side, fails if none of it is.
Judgement judge(const Estimate& estimate, bool above, double bound);

}  // namespace slalom::experiment
