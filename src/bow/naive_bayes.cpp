#include "slalom/bow/naive_bayes.hpp"

#include <cmath>

#include "slalom/base/error.hpp"

namespace slalom {

namespace {

double smoothed_log_ratio(double ones, double zeros, double smoothing) {
  return std::log((ones + smoothing) / (zeros + smoothing));
}

double smoothed_log_ratio(const ByLabel& count, double smoothing) {
  return smoothed_log_ratio(static_cast<double>(count[1]), static_cast<double>(count[0]), smoothing);
}

void check(const LabelledCounts& counts, double smoothing) {
  if (!std::isfinite(smoothing) || smoothing <= 0)
    throw Error(concat("[naive Bayes] smoothing is ", smoothing, ", wanted a positive number"));
  for (const int label : {0, 1})
    if (counts.texts[static_cast<std::size_t>(label)] == 0)
      throw Error(concat("[naive Bayes] found no text of label ", label, ", wanted one or more"));
}

}  // namespace

LinearBag fit_naive_bayes(const LabelledCounts& counts, double smoothing) {
  check(counts, smoothing);
  ByLabel total{};
  for (const ByLabel& token : counts.occurrences)
    for (const std::size_t label : {0, 1}) total[label] += token[label];
  const double totals = smoothed_log_ratio(total, smoothing * static_cast<double>(counts.tokens.size()));
  LinearBag bag{.tokens = counts.tokens,
                .feature = TokenFeature::count,
                .intercept = smoothed_log_ratio(counts.texts, 0),
                .weight = std::vector<double>(counts.occurrences.size())};
  for (std::size_t id = 0; id < bag.weight.size(); ++id)
    if (counts.tokens.contains(static_cast<TokenId>(id)))
      bag.weight[id] = smoothed_log_ratio(counts.occurrences[id], smoothing) - totals;
  return bag;
}

double naive_bayes_score(double ones, double zeros) {
  constexpr double kPublishedSmoothing = 20;
  return smoothed_log_ratio(ones, zeros, kPublishedSmoothing);
}

std::vector<double> naive_bayes_scores(const LabelledCounts& counts) {
  std::vector<double> scores;
  for (const auto& [zeros, ones] : counts.occurrences)
    scores.push_back(naive_bayes_score(static_cast<double>(ones), static_cast<double>(zeros)));
  return scores;
}

}  // namespace slalom
