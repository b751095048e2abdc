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
  Index degrees_of_freedom = 0;  // of Student's t behind the interval; 0: it is wide as a normal one

  Estimate() = default;
  Estimate(double itself) : Estimate(itself, itself, itself) {}
  Estimate(double value_, double low_, double high_, Index degrees = 0)
      : value(value_), low(low_), high(high_), degrees_of_freedom(degrees) {}

  bool has_interval() const { return low < high; }
  /// Two-sided p-value of the hypothesis that the bound is what the number estimates: the half of the
  /// interval that is towards the bound says how the number scatters. NaN without an interval.
  double p_value(double bound) const;
};
using Estimates = std::map<std::string, Estimate>;

/// Mean of the numbers that are not NaN; Student's t, n − 1 degrees of freedom. The ends are NaN for n < 2.
Estimate mean_over(std::span<const double> values);
/// The same for trained models: a single one speaks for itself.
Estimate mean_over_runs(std::span<const double> values);
/// Means over texts that several trained models were asked, with 95 % percentile intervals of a hierarchical
/// bootstrap: models are drawn with replacement, then as many texts of each (2,000 times; B. Efron, R.
/// Tibshirani, "An Introduction to the Bootstrap", 1993).
class Bootstrap {
 public:
  /// `model` (n) is the seed of the model behind each number.
  explicit Bootstrap(const std::vector<Index>& model);

  /// Of numbers (n) that are not NaN. The ends are NaN for less than two.
  Estimate mean(std::span<const double> values) const;
  /// A function of two means over the same texts; `a`, `b` (n).
  Estimate of_means(std::span<const double> a, std::span<const double> b,
                    double (*function)(double, double)) const;

 private:
  std::size_t n_;
  std::vector<std::uint8_t> times_;  // (n, 2,001) that a number is drawn, at most 255; the last: once
};

/// A correlation over n pairs, by Fisher's transformation. The ends are NaN for n < 4.
Estimate correlation_over(double r, Index n);

/// {"NAME": [value, low, high, degrees of freedom if there are], …}, null for NaN, and back. Throws Error
/// with `where` and the name for anything else.
Json to_json(const Estimates& estimates);
Estimates estimates_from(const Json& json, const std::string& where);

enum class Judgement { holds, fails, undecided, not_measured };
const char* word(Judgement judgement);  // "holds", "fails", "undecided", "not measured"

}  // namespace slalom::experiment
