#include <algorithm>
#include <cmath>

#include "slalom/inspect/certificates.hpp"
#include "slalom/metrics/metric.hpp"
#include "slalom/surrogate/linear.hpp"
#include "study.hpp"

namespace slalom::study {

namespace {

using experiment::Text;

// Slope of the least-squares line through (n, F(n)), n = first … last: the weight of the word in the nearest
// linear bag of words.
double slope(const std::vector<double>& f, Index first, Index last) {
  Sample repeats{.tokens = 1};
  for (Index n = first; n <= last; ++n)
    repeats.add(std::vector<Sample::Token>(static_cast<std::size_t>(n)), f[static_cast<std::size_t>(n - 1)]);
  return fit_linear(repeats).model.weight.front();
}

double standard_deviation(const std::vector<double>& x) {
  return summarise(x).standard_error * std::sqrt(static_cast<double>(x.size()));
}

void certify(const Trained& model, const SyntheticSource& source, Probe& curve) {
  std::vector<Text> texts;
  const std::vector<TokenId> words = experiment::words_of(source);
  for (const TokenId word : words)
    for (Index n = 1; n <= kMostRepeats; ++n) texts.push_back(repeated(word, n));
  const bool has_empty = model.special.cls.has_value();
  if (has_empty) texts.push_back({});
  const std::vector<double> f = model.exact_log_odds()(texts);
  std::vector<RepetitionCurve> curves;
  for (auto from = f.begin(); const TokenId word : words) {
    curves.push_back({word, {from, from + kMostRepeats}});
    from += kMostRepeats;
  }
  Certificate best = repetition_certificate(curves, has_empty ? std::optional(f.back()) : std::nullopt);
  Encloser encloser(*model.exact, 1);
  const auto enclose = [&](std::span<const TokenId> text) {
    return outward(encloser.log_odds(wrap({text.begin(), text.end()}, model.special)));
  };
  prove(best, enclose, {}, {});
  curve.bound = best.bound;
  curve.half_range = best.half_range;
  for (const Interval& i : best.enclosure) curve.width = std::max(curve.width, i.high - i.low);
  for (const Text& text : best.witness)
    curve.witness.push_back(
        text.empty() ? "" : concat(text.size(), " × ", source.vocabulary().token(text.front())));
}

}  // namespace

Probe probe(const Trained& model, const SyntheticSource& source) {
  Probe curve;
  const TokenId the = source.vocabulary().find("the").value(),
                perfect = source.vocabulary().find("perfect").value();
  std::vector<Text> texts = {{the}};
  for (Index n = 1; n <= kMostRepeats; ++n) texts.push_back(repeated(perfect, n));
  const LogOdds f = model.exact_log_odds();
  curve.perfect = f(texts);
  curve.the = curve.perfect.front();
  curve.perfect.erase(curve.perfect.begin());
  curve.slope_1_20 = slope(curve.perfect, 1, 20);
  curve.slope_2_15 = slope(curve.perfect, 2, 15);
  const auto [low, high] = std::ranges::minmax(curve.perfect);
  curve.range = high - low;

  curve.spread = standard_deviation(f(experiment::fresh_texts(source, 500)));
  certify(model, source, curve);
  return curve;
}

}  // namespace slalom::study
