#include "slalom/base/correlation.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "slalom/base/error.hpp"
#include "slalom/base/index.hpp"

namespace slalom {

namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

void check_finite(std::span<const double> x) {
  for (const double v : x)
    if (!std::isfinite(v)) throw Error(concat("[correlation] a number is ", v, ", wanted finite numbers"));
}

void check_lengths(std::size_t a, std::size_t b) {
  if (a != b) throw Error(concat("[correlation] lists of ", a, " and ", b, " numbers, wanted equal lengths"));
}

bool all_equal(std::span<const double> x) {
  return std::adjacent_find(x.begin(), x.end(), std::not_equal_to<>()) == x.end();
}

// x less its mean, divided by the largest deviation, so that no square over- or underflows.
std::vector<double> deviations(std::span<const double> x) {
  const double scale = std::abs(
      *std::max_element(x.begin(), x.end(), [](double a, double b) { return std::abs(a) < std::abs(b); }));
  double mean = 0, largest = 0;
  for (const double v : x) mean += v / scale / static_cast<double>(x.size());
  std::vector<double> result;
  for (const double v : x) {
    result.push_back(v / scale - mean);
    largest = std::max(largest, std::abs(result.back()));
  }
  for (double& v : result) v /= largest;
  return result;
}

int sign_of_difference(double a, double b) {
  return (a > b) - (a < b);
}

}  // namespace

std::vector<double> ranks(std::span<const double> x) {
  check_finite(x);
  std::vector<std::size_t> order(x.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return x[a] < x[b]; });
  std::vector<double> rank(x.size());
  for (std::size_t first = 0, last = 0; first < x.size(); first = last) {
    while (last < x.size() && x[order[last]] == x[order[first]]) ++last;
    for (std::size_t k = first; k < last; ++k) rank[order[k]] = static_cast<double>(first + 1 + last) / 2;
  }
  return rank;
}

double pearson(std::span<const double> x, std::span<const double> y) {
  check_lengths(x.size(), y.size());
  check_finite(x);
  check_finite(y);
  if (all_equal(x) || all_equal(y)) return kNan;
  const std::vector<double> a = deviations(x), b = deviations(y);
  double ab = 0, aa = 0, bb = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    ab += a[i] * b[i];
    aa += a[i] * a[i];
    bb += b[i] * b[i];
  }
  return std::clamp(ab / std::sqrt(aa * bb), -1.0, 1.0);
}

double spearman(std::span<const double> x, std::span<const double> y) {
  return pearson(ranks(x), ranks(y));
}

double kendall(std::span<const double> x, std::span<const double> y) {
  check_lengths(x.size(), y.size());
  check_finite(x);
  check_finite(y);
  Index agreement = 0, distinct_x = 0, distinct_y = 0;  // over pairs
  for (std::size_t i = 0; i < x.size(); ++i)
    for (std::size_t j = 0; j < i; ++j) {
      const int a = sign_of_difference(x[i], x[j]), b = sign_of_difference(y[i], y[j]);
      agreement += a * b;
      distinct_x += a * a;
      distinct_y += b * b;
    }
  if (distinct_x == 0 || distinct_y == 0) return kNan;
  return static_cast<double>(agreement) /
         std::sqrt(static_cast<double>(distinct_x) * static_cast<double>(distinct_y));
}

// The ranks of the positives sum to P (P + 1) / 2 + the number of negatives below each of them.
double roc_auc(std::span<const double> scores, const std::vector<bool>& positive) {
  check_lengths(scores.size(), positive.size());
  const std::vector<double> rank = ranks(scores);
  double positives = 0, sum = 0;
  for (std::size_t i = 0; i < rank.size(); ++i)
    if (positive[i]) {
      ++positives;
      sum += rank[i];
    }
  const double negatives = static_cast<double>(rank.size()) - positives;
  if (positives == 0 || negatives == 0) return kNan;
  return (sum - positives * (positives + 1) / 2) / (positives * negatives);
}

}  // namespace slalom
