#include "slalom/bow/naive_bayes.hpp"

#include <cmath>

#include "slalom/base/error.hpp"

namespace slalom {

namespace {

double log_ratio(double ones, double zeros) {
  return std::log(ones / zeros);
}

void check(const LabelledCounts& counts, const NaiveBayesOptions& options) {
  for (const double smoothing : {options.smoothing, options.score_smoothing})
    if (!std::isfinite(smoothing) || smoothing <= 0)
      throw Error(concat("[naive Bayes] smoothing is ", smoothing, ", wanted a positive number"));
  for (const int label : {0, 1})
    if (counts.texts[static_cast<std::size_t>(label)] == 0)
      throw Error(concat("[naive Bayes] found no text of label ", label, ", wanted one or more"));
}

}  // namespace

NaiveBayes::NaiveBayes(const LabelledCounts& counts, const NaiveBayesOptions& options)
    : bag_{.tokens = counts.tokens,
           .feature = options.once_per_text ? TokenFeature::presence : TokenFeature::count,
           .weight = std::vector<double>(counts.occurrences.size())},
      scores_(counts.occurrences.size()) {
  check(counts, options);
  const std::vector<ByLabel>& fitted = options.once_per_text ? counts.texts_with : counts.occurrences;
  const double everywhere = options.smoothing * static_cast<double>(counts.tokens.size());
  std::array<double, 2> total = {everywhere, everywhere};
  for (const ByLabel& token : fitted)
    for (const std::size_t label : {0, 1}) total[label] += static_cast<double>(token[label]);

  const auto smoothed = [](const ByLabel& count, double by) {
    return log_ratio(static_cast<double>(count[1]) + by, static_cast<double>(count[0]) + by);
  };
  bag_.intercept = smoothed(counts.texts, 0);
  for (std::size_t id = 0; id < scores_.size(); ++id) {
    if (!counts.tokens.contains(static_cast<TokenId>(id))) continue;
    bag_.weight[id] = smoothed(fitted[id], options.smoothing) - log_ratio(total[1], total[0]);
    scores_[id] = smoothed(counts.occurrences[id], options.score_smoothing);
  }
}

double NaiveBayes::score(TokenId token) const {
  return bag_.tokens.contains(token) ? scores_[static_cast<std::size_t>(token)] : 0;
}

}  // namespace slalom
