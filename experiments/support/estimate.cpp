#include "estimate.hpp"

#include <algorithm>

#include "experiment.hpp"
#include "slalom/metrics/metric.hpp"

namespace slalom::experiment {

namespace {

constexpr double kNormalQuantile = 1.959963985;  // .975

// The .975 quantile of Student's t; NaN for less than one degree of freedom. Exact for one and two, Fisher's
// expansion in 1 / ν beyond: 1e-3 off at ν = 3, less for more.
double t_quantile(Index degrees_of_freedom) {
  if (degrees_of_freedom < 1) return NAN;
  if (degrees_of_freedom == 1) return 12.706205;
  if (degrees_of_freedom == 2) return 4.302653;
  const double z = kNormalQuantile, z2 = z * z, v = static_cast<double>(degrees_of_freedom);
  const double g1 = z * (z2 + 1) / 4, g2 = z * ((5 * z2 + 16) * z2 + 3) / 96,
               g3 = z * (((3 * z2 + 19) * z2 + 17) * z2 - 15) / 384,
               g4 = z * ((((79 * z2 + 776) * z2 + 1482) * z2 - 1920) * z2 - 945) / 92160;
  return z + (g1 + (g2 + (g3 + g4 / v) / v) / v) / v;
}

}  // namespace

Estimate mean_over(std::span<const double> values) {
  const Summary s = summarise(values);
  const double half = t_quantile(s.n - 1) * s.standard_error;
  return {s.mean, s.mean - half, s.mean + half};
}

Estimate mean_over_runs(std::span<const double> values) {
  return values.size() == 1 ? Estimate(values[0]) : mean_over(values);
}

Estimate correlation_over(double r, Index n) {
  const double half = n < 4 ? NAN : kNormalQuantile / std::sqrt(static_cast<double>(n - 3));
  return {r, std::tanh(std::atanh(r) - half), std::tanh(std::atanh(r) + half)};
}

Json to_json(const Estimates& estimates) {
  Json json = Json::object();
  for (const auto& [name, e] : estimates) json[name] = {e.value, e.low, e.high};
  return json;
}

Estimates estimates_from(const Json& json, const std::string& where) {
  Estimates estimates;
  for (const auto& [name, numbers] : json.items()) {
    const auto is_number = [](const Json& x) { return x.is_number() || x.is_null(); };
    if (!numbers.is_array() || numbers.size() != 3 || !std::ranges::all_of(numbers, is_number))
      throw Error(concat(where, ": field \"", name, "\": found ", numbers.dump(),
                         ", wanted a number and the two ends of its interval"));
    estimates[name] = {number(numbers[0]), number(numbers[1]), number(numbers[2])};
  }
  return estimates;
}

const char* word(Judgement judgement) {
  constexpr const char* kWords[] = {"holds", "fails", "undecided", "not measured"};
  return kWords[static_cast<std::size_t>(judgement)];
}

Judgement judge(const Estimate& e, bool above, double bound) {
  if (std::isnan(e.value)) return Judgement::not_measured;
  if (above ? e.low > bound : e.high < bound) return Judgement::holds;
  return (above ? e.high <= bound : e.low >= bound) ? Judgement::fails : Judgement::undecided;
}

}  // namespace slalom::experiment
