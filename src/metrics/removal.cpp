#include "slalom/metrics/removal.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>

#include "slalom/base/correlation.hpp"
#include "slalom/base/error.hpp"

namespace slalom {

namespace {

// The curve over `k` where coalition i has the k[i] best-ranked tokens (kept) or all but them.
RankingCurve curve(std::span<const double> scores, const ValueFunction& f, std::vector<Index> k, bool kept) {
  RankingCurve result{std::move(k), {}, std::numeric_limits<double>::quiet_NaN()};
  if (result.k.empty()) return result;
  const std::vector<Index> order = ranking(scores);
  Coalitions asked{std::ssize(scores), {}};
  for (const Index best : result.k) {
    const std::span<std::uint8_t> member = asked.add(kept ? 0 : 1);
    for (Index j = 0; j < best; ++j) member[order[j]] = kept ? 1 : 0;
  }
  double sum = 0;
  for (const double log_odds : ask(f, asked)) {
    result.probability.push_back(1 / (1 + std::exp(-log_odds)));
    sum += result.probability.back();
  }
  result.area = sum / static_cast<double>(result.k.size());
  return result;
}

// step, 2 step, … below n, and n if `whole`.
std::vector<Index> steps(Index n, Index step, bool whole) {
  if (step < 1) throw Error(concat("[removal] a step of ", step, " tokens, wanted at least 1"));
  std::vector<Index> k;
  for (Index i = step; i < n; i += step) k.push_back(i);
  if (whole && n > 0) k.push_back(n);
  return k;
}

void check_lengths(std::span<const double> predicted, std::span<const double> truth, std::size_t wanted) {
  if (predicted.size() != wanted || truth.size() != wanted)
    throw Error(concat("[removal] ", predicted.size(), " predicted and ", truth.size(),
                       " true changes, wanted ", wanted, " of each"));
}

}  // namespace

std::vector<Index> ranking(std::span<const double> scores) {
  for (const double score : scores)
    if (!std::isfinite(score)) throw Error(concat("[removal] a score is ", score, ", wanted finite numbers"));
  std::vector<Index> order(scores.size());
  std::iota(order.begin(), order.end(), Index{0});
  std::stable_sort(order.begin(), order.end(), [&](Index a, Index b) { return scores[a] > scores[b]; });
  return order;
}

RankingCurve insertion(std::span<const double> scores, const ValueFunction& f, Index step) {
  return curve(scores, f, steps(std::ssize(scores), step, true), true);
}

RankingCurve deletion(std::span<const double> scores, const ValueFunction& f, Index step, bool empty_text) {
  return curve(scores, f, steps(std::ssize(scores), step, empty_text), false);
}

RemovalCurve removal_curve(const RandomDeletions& deletions, std::span<const double> predicted_change,
                           std::span<const double> true_change) {
  check_lengths(predicted_change, true_change, deletions.removed.size());
  std::map<Index, std::pair<double, double>> sums;  // squared errors and their number, by tokens removed
  for (std::size_t i = 0; i < deletions.removed.size(); ++i) {
    auto& [squares, count] = sums[deletions.removed[i]];
    squares += (predicted_change[i] - true_change[i]) * (predicted_change[i] - true_change[i]);
    ++count;
  }
  RemovalCurve result;
  for (const auto& [removed, sum] : sums) {
    result.removed.push_back(removed);
    result.mse.push_back(sum.first / sum.second);
  }
  return result;
}

SingleRemoval single_removal(std::span<const double> predicted_change, std::span<const double> true_change) {
  check_lengths(predicted_change, true_change, predicted_change.size());
  double squares = 0;
  for (std::size_t i = 0; i < true_change.size(); ++i)
    squares += (predicted_change[i] - true_change[i]) * (predicted_change[i] - true_change[i]);
  return {spearman(predicted_change, true_change), squares / static_cast<double>(true_change.size())};
}

}  // namespace slalom
