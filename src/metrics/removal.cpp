#include "slalom/metrics/removal.hpp"

#include <algorithm>
#include <cmath>
#include <map>

#include "slalom/base/correlation.hpp"
#include "slalom/base/error.hpp"

namespace slalom {

namespace {

void check_lengths(std::span<const double> predicted, std::span<const double> truth, std::size_t wanted) {
  if (predicted.size() != wanted || truth.size() != wanted)
    throw Error(concat("[removal] ", predicted.size(), " predicted and ", truth.size(),
                       " true changes, wanted ", wanted, " of each"));
}

}  // namespace

std::vector<Index> ranking(std::span<const double> scores) {
  for (const double score : scores)
    if (!std::isfinite(score)) throw Error(concat("[removal] a score is ", score, ", wanted finite numbers"));
  std::vector<Index> order = counted(std::ssize(scores));
  std::stable_sort(order.begin(), order.end(), [&](Index a, Index b) { return scores[a] > scores[b]; });
  return order;
}

RankingCurve ranking_curve(const std::vector<Index>& order, std::vector<Index> k, bool kept, double sign,
                           const ValueFunction& f) {
  RankingCurve result{std::move(k), {}, std::nan("")};
  if (result.k.empty()) return result;
  Coalitions coalitions{std::ssize(order), {}};
  for (const Index best : result.k) {
    const std::span<std::uint8_t> member = coalitions.add(kept ? 0 : 1);
    for (Index j = 0; j < best; ++j) member[order[j]] = kept ? 1 : 0;
  }
  double sum = 0;
  for (const double log_odds : checked_values(f, coalitions)) {
    result.probability.push_back(1 / (1 + std::exp(-sign * log_odds)));
    sum += result.probability.back();
  }
  result.area = sum / static_cast<double>(result.k.size());
  return result;
}

std::vector<Index> curve_points(Index n, Index step, bool whole) {
  if (step < 1) throw Error(concat("[removal] a step of ", step, " tokens, wanted at least 1"));
  std::vector<Index> k;
  for (Index i = step; i < n; i += step) k.push_back(i);
  if (whole && n > 0) k.push_back(n);
  return k;
}

RankingCurve insertion(std::span<const double> scores, const ValueFunction& f, Index step) {
  return ranking_curve(ranking(scores), curve_points(std::ssize(scores), step, true), true, 1, f);
}

RankingCurve deletion(std::span<const double> scores, const ValueFunction& f, Index step, bool empty_text) {
  return ranking_curve(ranking(scores), curve_points(std::ssize(scores), step, empty_text), false, 1, f);
}

RemovalCurve removal_curve(const Coalitions& kept, std::span<const double> predicted_change,
                           std::span<const double> true_change) {
  check_lengths(predicted_change, true_change, static_cast<std::size_t>(kept.size()));
  std::map<Index, std::pair<double, double>> sums;  // squared errors and their number, by tokens removed
  for (Index i = 0; i < kept.size(); ++i) {
    auto& [squares, count] = sums[kept.absent(i)];
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
