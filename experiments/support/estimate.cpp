#include "estimate.hpp"

#include <algorithm>
#include <numbers>

#include "experiment.hpp"
#include "slalom/base/random.hpp"
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

// P(|T| > t), T of Student's distribution with ν degrees of freedom, t ≥ 0 (M. Abramowitz, I. Stegun,
// "Handbook of Mathematical Functions", 26.7.3 and 26.7.4).
double t_tail(double t, Index degrees_of_freedom) {
  const double v = static_cast<double>(degrees_of_freedom), angle = std::atan(t / std::sqrt(v)),
               sine = std::sin(angle), cosine = std::cos(angle);
  const bool odd = degrees_of_freedom % 2 == 1;
  double term = odd ? cosine : 1, sum = degrees_of_freedom == 1 ? 0 : term;
  for (Index k = odd ? 3 : 2; k <= degrees_of_freedom - 2; k += 2) {
    const double i = static_cast<double>(k);
    term *= cosine * cosine * (i - 1) / i;
    sum += term;
  }
  const double inside = odd ? 2 / std::numbers::pi * (angle + sine * sum) : sine * sum;
  return std::max(0.0, 1 - inside);
}

constexpr std::size_t kResamples = 2000;
// Of the sorted resamples, the ends of 95 % of them.
constexpr std::size_t kLow = kResamples / 40, kHigh = kResamples - 1 - kLow;

std::pair<double, double> middle(std::vector<double> resampled) {
  const auto low = resampled.begin() + kLow, high = resampled.begin() + kHigh;
  std::ranges::nth_element(resampled, low);
  std::nth_element(low + 1, high, resampled.end());
  return {*low, *high};
}

}  // namespace

double Estimate::p_value(double bound) const {
  if (!has_interval()) return NAN;
  const double half = bound < value ? value - low : high - value, off = std::abs(value - bound);
  if (half <= 0) return off > 0 ? 0 : 1;
  if (degrees_of_freedom > 0) return t_tail(t_quantile(degrees_of_freedom) * off / half, degrees_of_freedom);
  return std::erfc(kNormalQuantile * off / half / std::numbers::sqrt2);
}

Estimate mean_over(std::span<const double> values) {
  const Summary s = summarise(values);
  const double half = t_quantile(s.n - 1) * s.standard_error;
  return {s.mean, s.mean - half, s.mean + half, std::max<Index>(0, s.n - 1)};
}

Bootstrap::Bootstrap(const std::vector<Index>& model) : n_(model.size()), times_((kResamples + 1) * n_, 0) {
  const auto times = [&](std::size_t i) { return times_.data() + i * (kResamples + 1); };
  for (std::size_t i = 0; i < n_; ++i) times(i)[kResamples] = 1;
  std::map<Index, std::vector<std::size_t>> of_model;
  for (std::size_t i = 0; i < n_; ++i) of_model[model[i]].push_back(i);
  std::vector<const std::vector<std::size_t>*> models;
  for (const auto& [seed, numbers] : of_model) models.push_back(&numbers);
  Rng rng(0, Purpose::folds);
  const auto below = [&](std::size_t n) { return rng.below(static_cast<std::uint32_t>(n)); };
  for (std::size_t r = 0; r < kResamples; ++r)
    for (std::size_t m = 0; m < models.size(); ++m) {
      const std::vector<std::size_t>& numbers = *models[below(models.size())];
      for (std::size_t i = 0; i < numbers.size(); ++i) {
        std::uint8_t& drawn = times(numbers[below(numbers.size())])[r];
        if (drawn < 255) ++drawn;
      }
    }
}

Estimate Bootstrap::mean(std::span<const double> values) const {
  return of_means(values, values, [](double mean, double) { return mean; });
}

Estimate Bootstrap::of_means(std::span<const double> a, std::span<const double> b,
                             double (*function)(double, double)) const {
  // The sums of all resamples grow side by side.
  std::vector<double> sum_a(kResamples + 1), sum_b(kResamples + 1), n(kResamples + 1), found(kResamples + 1);
  for (std::size_t i = 0; i < n_; ++i) {
    if (std::isnan(a[i]) || std::isnan(b[i])) continue;
#pragma omp simd
    for (std::size_t r = 0; r <= kResamples; ++r) {
      const double times = times_[i * (kResamples + 1) + r];
      sum_a[r] += times * a[i], sum_b[r] += times * b[i], n[r] += times;
    }
  }
  for (std::size_t r = 0; r <= kResamples; ++r) found[r] = function(sum_a[r] / n[r], sum_b[r] / n[r]);
  const double value = found.back();
  if (n.back() < 2) return {value, NAN, NAN};
  found.pop_back();
  for (double& f : found)
    if (std::isnan(f)) f = value;  // none of the numbers was drawn
  const auto [low, high] = middle(std::move(found));
  return {value, low, high};
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
  for (const auto& [name, e] : estimates) {
    json[name] = {e.value, e.low, e.high};
    if (e.degrees_of_freedom > 0) json[name].push_back(e.degrees_of_freedom);
  }
  return json;
}

Estimates estimates_from(const Json& json, const std::string& where) {
  Estimates estimates;
  for (const auto& [name, numbers] : json.items()) {
    const auto is_number = [](const Json& x) { return x.is_number() || x.is_null(); };
    const bool with_degrees = numbers.size() == 4 && numbers[3].is_number_unsigned();
    if (!numbers.is_array() || (numbers.size() != 3 && !with_degrees) ||
        !std::ranges::all_of(numbers, is_number))
      throw Error(concat(where, ": field \"", name, "\": found ", numbers.dump(),
                         ", wanted a number and the two ends of its interval"));
    estimates[name] = {number(numbers[0]), number(numbers[1]), number(numbers[2]),
                       with_degrees ? numbers[3].get<Index>() : 0};
  }
  return estimates;
}

const char* word(Judgement judgement) {
  constexpr const char* kWords[] = {"holds", "fails", "undecided", "not measured"};
  return kWords[static_cast<std::size_t>(judgement)];
}

}  // namespace slalom::experiment
