#include "slalom/inspect/audit.hpp"

#include <algorithm>
#include <cmath>
#include <set>

#include "slalom/base/error.hpp"
#include "slalom/base/interrupt.hpp"
#include "slalom/base/random.hpp"
#include "slalom/surrogate/gam.hpp"
#include "slalom/surrogate/linear.hpp"
#include "slalom/surrogate/slalom.hpp"

namespace slalom {

namespace {

using Text = std::vector<TokenId>;

constexpr Index kTextsAtOnce = 1024;  // between two looks at whether the user wants to stop

void check(const AuditOptions& o) {
  const std::set<TokenId> distinct(o.tokens.begin(), o.tokens.end());
  if (distinct.size() < 2 || distinct.size() < o.tokens.size())
    throw Error(concat("[audit] found ", o.tokens.size(), " tokens, ", distinct.size(),
                       " of them different, wanted at least 2, all different"));
  if (o.longest_text < 2)
    throw Error(concat("[audit] texts have at most ", o.longest_text, " tokens, wanted at least 2"));
  if (o.most_repeats < 1)
    throw Error(concat("[audit] repetition curves of ", o.most_repeats, " points, wanted at least 1"));
}

std::vector<double> answers(BlackBox& box, const AuditOptions& o, const std::vector<Text>& texts) {
  std::vector<double> all;
  PackedTexts batch;
  const auto ask = [&] {
    check_interrupt();
    const std::vector<double> some = box.log_odds(batch);
    all.insert(all.end(), some.begin(), some.end());
    batch.clear();
  };
  for (const Text& text : texts) {
    batch.add(wrapped(o.prefix, text, o.suffix));
    if (batch.texts() == kTextsAtOnce) ask();
  }
  if (batch.texts() > 0) ask();
  return all;
}

std::vector<TokenId> pair_tokens(const std::vector<TokenId>& tokens) {
  const Index K = std::ssize(tokens), M = std::min(K, kMostPairTokens);
  std::vector<TokenId> chosen;
  for (Index i = 0; i < M; ++i) chosen.push_back(tokens[static_cast<std::size_t>(i * K / M)]);
  return chosen;
}

Certificate positionwise(BlackBox& model, const AuditOptions& o) {
  const std::vector<TokenId> tokens = pair_tokens(o.tokens);
  std::vector<Text> texts;
  for (const TokenId a : tokens) {
    for (const TokenId b : tokens) texts.push_back({a, b});
    texts.push_back({a});
  }
  return positionwise_certificate(tokens, answers(model, o, texts));
}

// --- curves and spread -------------------------------------------------------------------------------------

std::vector<RepetitionCurve> repetition_curves(BlackBox& model, const AuditOptions& o) {
  const Index most = std::min(std::max(o.most_repeats, Index{2}), o.longest_text);
  std::vector<Text> texts;
  for (const TokenId token : o.tokens)
    for (Index n = 1; n <= most; ++n) texts.emplace_back(static_cast<std::size_t>(n), token);
  const std::vector<double> f = answers(model, o, texts);
  std::vector<RepetitionCurve> curves;
  for (auto from = f.begin(); const TokenId token : o.tokens) {
    curves.push_back({token, {from, from + most}});
    from += most;
  }
  return curves;
}

double spread_over_random_texts(BlackBox& model, const AuditOptions& o) {
  const auto longest = static_cast<std::uint32_t>(std::min(kLongestSpreadText, o.longest_text));
  std::vector<Text> texts;
  for (Index i = 0; i < kSpreadTexts; ++i) {
    Rng rng(o.seed, Purpose::audit, static_cast<std::uint64_t>(i));
    Text& text = texts.emplace_back(1 + rng.below(longest));
    for (TokenId& id : text) id = o.tokens[rng.below(static_cast<std::uint32_t>(o.tokens.size()))];
  }
  const std::vector<double> f = answers(model, o, texts);
  double mean = 0, squares = 0;
  for (const double x : f) mean += x / kSpreadTexts;
  for (const double x : f) squares += (x - mean) * (x - mean);
  return std::sqrt(squares / (kSpreadTexts - 1));
}

// --- distances ---------------------------------------------------------------------------------------------

// The largest length up to `longest` for which there are at most `most` texts over K tokens; 0 if below 2.
Index enumerable_length(Index K, Index longest, Index most) {
  Index length = 0;
  for (Index total = 0, of_length = 1; length < longest && of_length <= (most - total) / K; ++length) {
    of_length *= K;
    total += of_length;
  }
  return length < 2 ? 0 : length;
}

// All texts of 1 to `longest` of the tokens 0 … K − 1; the texts of a length weigh 1 together.
Sample enumerate(Index K, Index longest) {
  Sample sample;
  sample.tokens = K;
  std::vector<double> weights;
  double of_length = 1;
  for (Index n = 1; n <= longest; ++n) {
    of_length *= static_cast<double>(K);
    std::vector<Sample::Token> text(static_cast<std::size_t>(n), 0);
    for (bool more = true; more;) {
      sample.add(text, 0);
      weights.push_back(1 / of_length);
      auto digit = text.rbegin();  // counts upwards in base K
      while (digit != text.rend() && ++*digit == K) *digit++ = 0;
      more = digit != text.rend();
    }
  }
  sample.weight = std::move(weights);
  return sample;
}

std::optional<ClassDistances> class_distances(BlackBox& model, const AuditOptions& o) {
  const Index K = std::ssize(o.tokens);
  const Index longest = enumerable_length(K, std::min(o.longest, o.longest_text), o.most_enumerated);
  if (longest == 0) return std::nullopt;
  Sample sample = enumerate(K, longest);
  std::vector<Text> texts;
  for (Index i = 0; i < sample.texts(); ++i) {
    Text& text = texts.emplace_back();
    for (const Sample::Token k : sample.text(i)) text.push_back(o.tokens[static_cast<std::size_t>(k)]);
  }
  sample.target = answers(model, o, texts);
  const auto distance = [&](const std::vector<double>& predicted) {
    return std::sqrt(mean_squared_error(sample, predicted));
  };
  double mean = 0, weight = 0;
  for (Index i = 0; i < sample.texts(); ++i) {
    mean += sample.weight_of(i) * sample.target[static_cast<std::size_t>(i)];
    weight += sample.weight_of(i);
  }
  return ClassDistances{
      .longest = longest,
      .texts = sample.texts(),
      .constant = distance(std::vector<double>(sample.target.size(), mean / weight)),
      .additive = distance(predict(fit_linear(sample).model, sample)),
      .positionwise = distance(predict(fit_gam(sample).model, sample)),
      .slalom = distance(predict(fit_slalom(sample, {.least_squares = true}).model, sample)),
      .slalom_background =
          distance(predict(fit_slalom(sample, {.background = true, .least_squares = true}).model, sample))};
}

}  // namespace

Audit audit(BlackBox& model, const Enclose& enclose, const AuditOptions& options) {
  check(options);
  const bool has_empty = !options.prefix.empty() || !options.suffix.empty();
  Audit result;
  result.curves = repetition_curves(model, options);
  result.affine = repetition_certificate(
      result.curves, has_empty ? std::optional(answers(model, options, {{}}).front()) : std::nullopt);
  result.nearly_constant = 2 * result.affine.half_range < kNearlyConstant;
  result.positionwise = positionwise(model, options);
  for (Certificate* c : {&result.affine, &result.positionwise})
    prove(*c, enclose, options.prefix, options.suffix);
  if (result.positionwise.bound > result.affine.bound) result.affine = result.positionwise;
  result.spread = spread_over_random_texts(model, options);
  result.collapsed = result.spread < kCollapsedSpread;
  result.distances = class_distances(model, options);
  return result;
}

}  // namespace slalom
