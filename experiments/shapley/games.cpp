#include "games.hpp"

#include <algorithm>
#include <cmath>

#include "slalom/base/correlation.hpp"
#include "slalom/explain/explained_text.hpp"
#include "slalom/explain/shapley.hpp"
#include "slalom/metrics/metric.hpp"

namespace slalom::shapley {

using namespace experiment;

namespace {

std::vector<double> shapley_values(BlackBox& f, const Text& bare, const SpecialTokens& special,
                                   TokenId replacement) {
  const ExplainedText text(wrap(bare, special), [&](TokenId id) { return special.is_special(id); });
  return exact_shapley(text.players(), coalition_values(f, text, {.replacement = replacement})).value;
}

Json repeated_words(BlackBox& f, const SpecialTokens& special, TokenId word, TokenId replacement) {
  Json curves;
  for (Index n = 1; n <= kMostRepeats; ++n) {
    const std::vector<double> values = shapley_values(f, repeated(word, n), special, replacement);
    curves["mean"].push_back(summarise(values).mean);
    curves["lowest"].push_back(std::ranges::min(values));
    curves["highest"].push_back(std::ranges::max(values));
  }
  return curves;
}

}  // namespace

Json play(const std::string& name, const std::string& title, BlackBox& f, const SpecialTokens& special,
          const Options& options) {
  const BagOfWordsSource source(options.seed, LengthDistribution::fixed);
  const TokenId replacement = source.vocabulary().find("the").value(),
                perfect = source.vocabulary().find("perfect").value();
  Json record = {{"model", name}, {"title", title}};
  record["repeated"] = repeated_words(f, special, perfect, replacement);

  std::vector<double> values, weights;
  for (Text text : fresh_texts(source, options.texts)) {
    text.resize(kTextWords);
    const std::vector<double> some = shapley_values(f, text, special, replacement);
    values.insert(values.end(), some.begin(), some.end());
    for (const TokenId word : text) weights.push_back(source.log_odds({&word, 1}));
  }
  double error = 0;
  for (std::size_t i = 0; i < values.size(); ++i)
    error += std::abs(values[i] - weights[i]) / static_cast<double>(values.size());
  const double correlation = pearson(values, weights);
  record["correlation"] = correlation;
  // Of the least-squares line: r times the ratio of the standard deviations.
  record["slope"] = correlation * summarise(values).standard_error / summarise(weights).standard_error;
  record["mean_absolute_error"] = error;
  record["values"] = values;
  record["weights"] = weights;
  return record;
}

}  // namespace slalom::shapley
