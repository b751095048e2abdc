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

// The best certificate over the words, exact values in float64; its rounding error is that of the same
// queries in float32, which bounds that of float64 by far.
void certify(const Trained& model, const SyntheticSource& source, Probe& curve) {
  const std::vector<TokenId> words = experiment::words_of(source);
  std::vector<Text> texts;
  for (TokenId w : words) texts.insert(texts.end(), {repeated(w, 1), repeated(w, 2)});
  const bool has_empty = model.special.cls.has_value();
  if (has_empty) texts.push_back({});
  const std::vector<double> f = model.exact_log_odds()(texts), g = model.single_log_odds()(texts);
  for (std::size_t i = 0; i < f.size(); ++i)
    curve.rounding_error = std::max(curve.rounding_error, std::abs(f[i] - g[i]));
  const auto word = [&](std::size_t i) { return source.vocabulary().token(words[i]); };
  const auto consider = [&](double bound, std::vector<std::string> witness) {
    if (bound <= curve.bound) return;
    curve.bound = bound;
    curve.witness = std::move(witness);
  };
  for (std::size_t a = 0; a < words.size(); ++a) {
    if (has_empty)
      consider(affine_bound_with_empty(f[2 * a + 1], f[2 * a], f.back()),
               {word(a) + " " + word(a), word(a), ""});
    for (std::size_t b = 0; b < a; ++b)
      consider(affine_bound(f[2 * a + 1], f[2 * a], f[2 * b + 1], f[2 * b]),
               {word(a) + " " + word(a), word(a), word(b) + " " + word(b), word(b)});
  }
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
