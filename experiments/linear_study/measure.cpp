// What is asked of a trained model.
#include <algorithm>
#include <cmath>

#include "linear_study.hpp"
#include "slalom/inspect/enclosure.hpp"
#include "slalom/inspect/inspect.hpp"
#include "slalom/metrics/metric.hpp"
#include "slalom/surrogate/linear.hpp"

namespace slalom::linear_study {

using experiment::LogOdds;
using experiment::repeated;
using experiment::Text;

namespace {

// F([τ]^n), n = 1 … repeats.
std::vector<double> repetition_curve(const LogOdds& f, TokenId token, Index repeats) {
  std::vector<Text> texts;
  for (Index n = 1; n <= repeats; ++n) texts.push_back(repeated(token, n));
  return f(texts);
}

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

}  // namespace

Json probe(const Trained& model, const SyntheticSource& source) {
  const LogOdds f = model.log_odds();
  const auto token = [&](const char* word) { return source.vocabulary().find(word).value(); };
  std::vector<Text> texts = {{token("the")}};
  for (Index n = 1; n <= kMostRepeats; ++n) texts.push_back(repeated(token("perfect"), n));
  std::vector<double> perfect = f(texts);
  const double the = perfect.front();
  perfect.erase(perfect.begin());
  const auto [low, high] = std::ranges::minmax(perfect);
  const double spread = standard_deviation(f(experiment::fresh_texts(source, 500)));
  const Certificate affine = experiment::audit_of(*model.exact, source, model.special, 0).affine;
  double width = 0;
  for (const Interval& i : affine.enclosure) width = std::max(width, i.high - i.low);
  Json witness = Json::array();
  for (const Text& text : affine.witness)
    witness.push_back(text.empty() ? ""
                                   : concat(text.size(), " × ", source.vocabulary().token(text.front())));
  return {{"log_odds_the", the},
          {"log_odds_perfect", perfect},
          {"slope_1_20", slope(perfect, 1, 20)},
          {"slope_2_15", slope(perfect, 2, 15)},
          {"range", high - low},
          {"spread", spread},
          {"collapsed", spread < kCollapsedSpread},
          {"bound", affine.bound},
          {"half_range", affine.half_range},
          {"enclosure_width", width},
          {"witness", witness}};
}

namespace {

// Claim 1: the read-out at a content token averages equal values, so repeating a token changes nothing.
double largest_change(const LogOdds& f, TokenId vocabulary, Index repeats) {
  double largest = 0;
  for (TokenId token = 0; token < vocabulary; ++token) {
    const std::vector<double> curve = repetition_curve(f, token, repeats);
    for (double value : curve) largest = std::max(largest, std::abs(value - curve.front()));
  }
  return largest;
}

// Weight with which head `head` at [CLS] reads the words of [CLS] τ … τ [SEP].
double weight_on_words(const std::vector<double>& pattern, Index head, Index S) {
  const double* row = pattern.data() + head * S * S;
  double sum = 0;
  for (Index j = 1; j < S - 1; ++j) sum += row[j];
  return sum;
}

// Claim 2: the weight of n equal words is n o / (1 + n o), o the odds of one word. Largest deviation over
// heads and n.
double weight_law_error(Classifier<double>& model, const SpecialTokens& special, TokenId token,
                        Index repeats) {
  double worst = 0;
  std::vector<double> odds(static_cast<std::size_t>(model.config().heads));
  for (Index n = 1; n <= repeats; n *= 2) {
    const std::vector<TokenId> ids = wrap(repeated(token, n), special);
    const auto S = static_cast<Index>(ids.size());
    const std::vector<double> pattern = activations(model, ids, {}, {"blocks.0.attn.pattern"}).front().data;
    for (Index h = 0; h < model.config().heads; ++h) {
      const double weight = weight_on_words(pattern, h, S);
      double& o = odds[static_cast<std::size_t>(h)];
      if (n == 1) o = weight / (1 - weight);
      const double m = static_cast<double>(n) * o;
      worst = std::max(worst, std::abs(weight - m / (1 + m)));
    }
  }
  return worst;
}

}  // namespace

Json check_claims(const Trained& model, const Plan& plan, Index repeats, const SyntheticSource& source) {
  const LogOdds f = model.log_odds();
  if (!plan.special_tokens)
    return {
        {"claim_1." + plan.name + ".largest_change", largest_change(f, source.vocabulary().size(), repeats)}};

  auto& transformer = dynamic_cast<Classifier<double>&>(*model.exact);
  const std::string prefix = "claim_2." + plan.name;
  double law = 0, last_doubling = 0, first_doubling = 0, largest = 0;
  Encloser encloser(*model.exact, 1);
  for (const TokenId token : experiment::words_of(source)) {
    const std::vector<double> curve = repetition_curve(f, token, repeats);
    law = std::max(law, weight_law_error(transformer, model.special, token, repeats));
    first_doubling = std::max(first_doubling, std::abs(curve[1] - curve[0]));
    last_doubling = std::max(last_doubling, std::abs(curve.back() - curve[curve.size() / 2 - 1]));
    const Interval every =
        encloser.repetitions(std::vector{*model.special.cls}, token, std::vector{*model.special.sep});
    largest = std::max({largest, -every.low, every.high});
  }
  return {{prefix + ".weight_law_error", law},
          {prefix + ".change_from_1_to_2", first_doubling},
          {prefix + ".change_over_last_doubling", last_doubling},
          {prefix + ".last_over_first_doubling", last_doubling / first_doubling},
          {prefix + ".largest_log_odds", largest}};
}

}  // namespace slalom::linear_study
