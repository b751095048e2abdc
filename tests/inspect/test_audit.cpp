#include "slalom/inspect/audit.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "../support/compare.hpp"
#include "../support/small_models.hpp"
#include "slalom/base/random.hpp"
#include "slalom/inspect/certificates.hpp"

using namespace slalom;
using namespace slalom::test;

namespace {

using Text = std::vector<TokenId>;
using Function = FunctionBlackBox::Function;

constexpr double kWeight[] = {1.5, -0.25, 0.75, -2};  // of tokens 10 … 13
constexpr double kImportance[] = {0.5, -1.5, 1, 0.25};

std::size_t place(TokenId id) {
  return static_cast<std::size_t>(id - 10);
}

double linear(std::span<const TokenId> text) {
  double sum = 0.3;
  for (const TokenId id : text) sum += kWeight[place(id)];
  return sum;
}

double positionwise(std::span<const TokenId> text) {
  double sum = -0.4;
  for (std::size_t i = 0; i < text.size(); ++i)
    sum += kWeight[place(text[i])] / static_cast<double>(i + 1) + (i % 2 == 0 ? 0.3 : -0.3);
  return sum;
}

double slalom_truth(std::span<const TokenId> text) {
  double top = 0, bottom = 0;
  for (const TokenId id : text) {
    top += std::exp(kImportance[place(id)]) * kWeight[place(id)];
    bottom += std::exp(kImportance[place(id)]);
  }
  return top / bottom;
}

AuditOptions four_tokens() {
  return {.tokens = {10, 11, 12, 13}, .longest = 4};
}

/// The function's values are off by rounding.
constexpr double kRounding = 1e-13;
Audit audit_of(const Function& f, const AuditOptions& options) {
  FunctionBlackBox model(f);
  return audit(
      model,
      [&](std::span<const TokenId> text) {
        return outward({f(text), kRounding});
      },
      options);
}

/// F of a text whose first and last token are special.
Function between_specials(const Function& f) {
  return [f](std::span<const TokenId> text) { return f(text.subspan(1, text.size() - 2)); };
}

/// All texts of 1 to `longest` of the tokens.
std::vector<Text> all_texts(const std::vector<TokenId>& tokens, std::size_t longest) {
  std::vector<Text> texts = {{}};
  for (std::size_t i = 0; i < texts.size(); ++i)
    if (texts[i].size() < longest)
      for (const TokenId id : tokens) {
        texts.push_back(texts[i]);
        texts.back().push_back(id);
      }
  texts.erase(texts.begin());
  return texts;
}

/// Largest |F − b − Σ w| over the texts.
double distance(const Function& f, const std::vector<Text>& texts, double b, const std::vector<double>& w) {
  double worst = 0;
  for (const Text& text : texts) {
    double g = b;
    for (const TokenId id : text) g += w[place(id)];
    worst = std::max(worst, std::abs(f(text) - g));
  }
  return worst;
}

/// |F(ab) − F(ac) − F(a′b) + F(a′c)| / 4.
double positionwise_bound(double f_ab, double f_ac, double f_a2b, double f_a2c) {
  return std::abs(f_ab - f_ac - f_a2b + f_a2c) / 4;
}

/// Every certificate of one audit, tried one by one; with_empty: F of an empty text.
std::pair<double, double> best_bounds(const Function& f, const AuditOptions& o, bool with_empty) {
  double affine = 0, pairs = 0;
  const auto F = [&](const Text& text) { return f(text); };
  const auto excess = [&](TokenId a, Index m, Index n) {  // over its line through the origin
    return static_cast<double>(n) * F(Text(static_cast<std::size_t>(m), a)) -
           static_cast<double>(m) * F(Text(static_cast<std::size_t>(n), a));
  };
  for (const TokenId a : o.tokens)
    for (Index n = 1; n <= o.most_repeats; ++n)
      for (Index m = 1; m <= o.most_repeats; ++m) {
        const auto d = static_cast<double>(n - m), s = static_cast<double>(m + n);
        for (const TokenId b : o.tokens)
          affine = std::max(affine, std::abs(excess(a, m, n) - excess(b, m, n)) / (2 * s));
        if (with_empty) affine = std::max(affine, std::abs(excess(a, m, n) - d * F({})) / (s + std::abs(d)));
      }
  for (const TokenId a : o.tokens)
    for (const TokenId c : o.tokens)
      for (const TokenId b : o.tokens) {
        pairs = std::max(pairs, positionwise_bound(F({a, b}), F({a}), F({c, b}), F({c})));
        for (const TokenId d : o.tokens)
          pairs = std::max(pairs, positionwise_bound(F({a, b}), F({a, d}), F({c, b}), F({c, d})));
      }
  return {std::max(affine, pairs), pairs};
}

/// An arbitrary function: a random number for each text.
double noise(std::span<const TokenId> text) {
  std::uint64_t number = 1;
  for (const TokenId id : text) number = 31 * number + static_cast<std::uint64_t>(id);
  return Rng(1, Purpose::test, number).normal();
}

}  // namespace

TEST_CASE("audit: a linear bag of words is not accused, and is at no distance") {
  const Audit a = audit_of(linear, four_tokens());
  CHECK(a.affine.bound == 0);
  CHECK_FALSE(a.affine.proves());
  CHECK_FALSE(a.positionwise.proves());
  CHECK(a.affine.estimate <= 1e-14);
  CHECK(a.affine.rounding_error <= 2e-12);
  REQUIRE(a.distances.has_value());
  CHECK(a.distances->texts == 4 + 16 + 64 + 256);
  CHECK(a.distances->additive <= 1e-12);
  CHECK(a.distances->positionwise <= 1e-12);
  CHECK(a.distances->slalom > 0.1);
  CHECK(a.distances->constant > 1);
  CHECK_FALSE(a.collapsed);
}

TEST_CASE("audit: a position-wise additive function is told from a bag of words") {
  const Audit a = audit_of(positionwise, four_tokens());
  CHECK_FALSE(a.positionwise.proves());
  CHECK(a.affine.proves());
  const auto [affine, pairs] = best_bounds(positionwise, four_tokens(), false);
  CHECK(std::abs(a.affine.estimate - affine) <= 1e-14);
  CHECK(pairs <= 1e-14);
  CHECK(a.distances->positionwise <= 1e-12);
  CHECK(a.distances->additive > 0.05);
}

TEST_CASE("audit: a SLALOM is one, and is no additive model") {
  const Audit a = audit_of(slalom_truth, four_tokens());
  CHECK(a.affine.proves());
  CHECK(a.positionwise.proves());
  CHECK(a.distances->slalom <= 1e-6);
  CHECK(a.distances->slalom_background <= 1e-6);
  CHECK(a.distances->additive > 0.1);
  CHECK(a.distances->positionwise > 0.1);
  CHECK(a.distances->positionwise <= a.distances->additive);
  CHECK(a.distances->additive < a.distances->constant);
  for (const RepetitionCurve& curve : a.curves) {
    CHECK(curve.log_odds.size() == 30);
    for (const double x : curve.log_odds) CHECK(std::abs(x - kWeight[place(curve.token)]) <= 1e-14);
  }
}

TEST_CASE("audit: no additive function comes nearer than the bound") {
  const std::vector<Text> texts = all_texts(four_tokens().tokens, 3);
  AuditOptions options = four_tokens();
  options.most_repeats = 3;
  for (const Function& f : {Function(slalom_truth), Function(positionwise), Function(noise)}) {
    const Audit a = audit_of(f, options);
    // Coordinate descent on the largest difference, from random starts: an upper bound on its minimum.
    for (std::uint64_t seed = 0; seed < 5; ++seed) {
      Rng rng(seed, Purpose::test);
      std::vector<double> x(5);
      for (double& value : x) value = rng.normal();
      const auto worst = [&] { return distance(f, texts, x[4], x); };
      for (double step = 1, nearest = worst(); step > 1e-4; step /= 2)
        for (int round = 0; round < 20; ++round)
          for (double& value : x)
            for (const double move : {step, -step}) {
              value += move;
              const double now = worst();
              if (now < nearest)
                nearest = now;
              else
                value -= move;
            }
      CHECK(worst() >= a.affine.bound);
    }
  }
}

TEST_CASE("audit: the certificates are the best of all that there are") {
  const auto with_specials = [](const Function& f, AuditOptions o) {
    o.prefix = {1};
    o.suffix = {2};
    return audit_of(between_specials(f), o);
  };
  const Function slalom_or_0 = [](std::span<const TokenId> text) {
    return text.empty() ? 0.0 : slalom_truth(text);
  };
  for (const Function& f : {Function(slalom_or_0), Function(positionwise), Function(noise)}) {
    const Audit bare = audit_of(f, four_tokens()), wrapped = with_specials(f, four_tokens());
    const auto [affine, pairs] = best_bounds(f, four_tokens(), false);
    const auto [affine_with_empty, same_pairs] = best_bounds(f, four_tokens(), true);
    const auto is = [](const Certificate& c, double bound) {
      CHECK(std::abs(c.estimate - bound) <= 1e-14);
      CHECK(c.bound <= bound);
      CHECK(c.bound >= bound - 4e-12);
    };
    is(bare.affine, affine);
    is(wrapped.affine, affine_with_empty);
    CHECK(std::abs(bare.positionwise.estimate - pairs) <= 1e-14);
    CHECK(std::abs(wrapped.positionwise.estimate - pairs) <= 1e-14);
  }
  // The empty text makes the difference: n F(aᵐ) − m F(aⁿ) is n − m for every a. |n − m| / 2n is largest for
  // one of 30 and 1.
  const Function one = [](std::span<const TokenId> text) { return text.empty() ? 0.0 : 1.0; };
  CHECK(audit_of(one, four_tokens()).affine.bound == 0);
  const Certificate c = with_specials(one, four_tokens()).affine;
  CHECK(std::abs(c.bound - 29.0 / 60) <= 1e-11);
  CHECK(c.witness == std::vector<Text>{{10}, Text(30, 10), {}});
  CHECK(c.coefficient == std::vector<double>{30, -1, -29});
  CHECK(c.half_range == 0.5);
}

TEST_CASE("audit: a constant is collapsed, and no certificate speaks against it") {
  const Audit a = audit_of([](std::span<const TokenId>) { return 0.7; }, four_tokens());
  CHECK(a.collapsed);
  CHECK(a.spread <= 1e-13);
  CHECK(a.nearly_constant);
  CHECK_FALSE(a.affine.proves());
  CHECK(a.distances->constant <= 1e-13);
  // 0.04 is below the threshold of a collapse, 0.06 above.
  const auto sized = [](double size) {
    return [size](std::span<const TokenId> text) { return text.front() < 12 ? size : -size; };
  };
  CHECK(audit_of(sized(0.04), four_tokens()).collapsed);
  CHECK_FALSE(audit_of(sized(0.06), four_tokens()).collapsed);
  CHECK(audit_of(sized(0.0499), four_tokens()).nearly_constant);
  CHECK_FALSE(audit_of(sized(0.0501), four_tokens()).nearly_constant);
}

TEST_CASE("audit: each text is asked once, none longer than the model reads") {
  std::map<Text, int> asked;
  AuditOptions o = four_tokens();
  o.longest_text = 3;
  const Audit a = audit_of(
      [&](std::span<const TokenId> text) {
        ++asked[Text(text.begin(), text.end())];
        return slalom_truth(text);
      },
      o);
  for (const auto& [text, times] : asked) {
    CHECK(text.size() <= 3);
    CHECK(times <= 3);  // once more for each certificate
  }
  CHECK(asked.size() == 4 + 16 + 64);
  CHECK(a.curves.front().log_odds.size() == 3);
  CHECK(a.distances->longest == 3);
}

TEST_CASE("audit: enumeration is shortened to what is allowed, but not below two") {
  AuditOptions o = four_tokens();
  const auto longest = [&](Index most) {
    o.most_enumerated = most;
    const Audit a = audit_of(linear, o);
    return a.distances ? a.distances->longest : 0;
  };
  CHECK(longest(4 + 16 + 64 + 256) == 4);
  CHECK(longest(4 + 16 + 64 + 255) == 3);
  CHECK(longest(20) == 2);
  CHECK(longest(19) == 0);
  CHECK(longest(0) == 0);
  o.longest = 1;
  CHECK(longest(1000) == 0);
}

// F(b) = 2, else 0, over a, b and texts of two; lengths 1 and 2 weigh 1 each. Mean square 4 / 2 / 2 = 1, mean
// 2 / 2 / 2 = 1/2: variance 3/4. Additive: p + k d and q + k d at lengths 1 and 2, k times b. At length 1 the
// best p leaves (d − 2)² / 4, at length 2, where k has variance 1/2, the best q leaves d² / 2; the least sum
// is at d = 2/3: 4/9 + 2/9, a mean of 1/3.
TEST_CASE("audit: every length weighs the same") {
  AuditOptions o{.tokens = {10, 11}, .longest = 2};
  const Audit a = audit_of(
      [](std::span<const TokenId> text) { return text.size() == 1 && text[0] == 11 ? 2.0 : 0.0; }, o);
  REQUIRE(a.distances.has_value());
  CHECK(a.distances->texts == 6);
  CHECK(std::abs(a.distances->constant - std::sqrt(0.75)) <= 1e-14);
  CHECK(std::abs(a.distances->additive - std::sqrt(1.0 / 3)) <= 1e-14);
}

TEST_CASE("audit: of a long list evenly spaced tokens make the pairs") {
  AuditOptions o{.most_repeats = 2, .most_enumerated = 0};
  for (TokenId id = 0; id < 128; ++id) o.tokens.push_back(id);
  Index even = 0, others = 0;
  FunctionBlackBox model([&](std::span<const TokenId> text) {
    if (text.size() == 2 && text[0] != text[1]) ++(text[0] % 2 == 0 && text[1] % 2 == 0 ? even : others);
    return 0.0;
  });
  CHECK_FALSE(audit(
                  model,
                  [](std::span<const TokenId>) {
                    return Interval{0, 0};
                  },
                  o)
                  .distances.has_value());
  CHECK(even == 64 * 63);
  CHECK(others <= kSpreadTexts / 10);  // random texts
}

TEST_CASE("audit: of a transformer, with its enclosures") {
  Classifier<double> model(small_config(Architecture::bert, 1));
  randomise(model, 3);
  ModelBlackBox<double> f(model, 1, 4096);
  Encloser encloser(model, 1);
  const Audit a = audit(f, [&](std::span<const TokenId> text) { return outward(encloser.log_odds(text)); },
                        {.tokens = {10, 11, 12}, .prefix = {1}, .suffix = {2}, .longest_text = 62});
  CHECK(a.affine.proves());
  CHECK(a.affine.rounding_error > 0);
  CHECK(a.affine.rounding_error <= 1e-9);
  CHECK(std::abs(a.affine.bound - a.affine.estimate) <= 1e-9);
  CHECK(a.affine.bound <= a.affine.half_range);
  CHECK(a.distances->slalom_background <= a.distances->additive + 1e-9);
}

// One block that sums, reads [CLS], whose query no word changes, and is linear from there on to two logits:
// an additive bag of words, whatever its weights.
TEST_CASE("audit: of a transformer that can add nothing is proved") {
  const auto audited = [](AttentionKind kind, Norm norm) {
    ClassifierConfig config = small_config(Architecture::bert, 1);
    config.attention = kind;
    config.norm = norm;
    config.positions = Positions::none;
    config.feed_forward_on = config.head_hidden = false;
    config.labels = 2;
    Classifier<double> model(config);
    randomise(model, 3);
    ModelBlackBox<double> f(model, 1, 4096);
    Encloser encloser(model, 1);
    return audit(f, [&](std::span<const TokenId> text) { return outward(encloser.log_odds(text)); },
                 {.tokens = {10, 11, 12}, .prefix = {1}, .suffix = {2}, .longest = 0});
  };
  for (const AttentionKind kind : {AttentionKind::sigmoid, AttentionKind::linear, AttentionKind::sum}) {
    const Audit adds = audited(kind, Norm::none);
    CHECK_FALSE(adds.nearly_constant);
    CHECK(adds.affine.estimate <= 1e-11);
    CHECK(adds.affine.rounding_error <= 1e-9);
    CHECK_FALSE(adds.affine.proves());
    CHECK_FALSE(adds.positionwise.proves());
    CHECK(audited(kind, Norm::layer).affine.bound > 0.05);
  }
}

TEST_CASE("audit: options that are refused") {
  const auto refused = [](const AuditOptions& o, const char* message) {
    CHECK_THROWS_WITH_AS(audit_of(linear, o), message, Error);
  };
  refused({.tokens = {10}}, "[audit] found 1 tokens, 1 of them different, wanted at least 2, all different");
  refused({.tokens = {10, 11, 10}},
          "[audit] found 3 tokens, 2 of them different, wanted at least 2, all different");
  refused({.tokens = {10, 11}, .longest_text = 1}, "[audit] texts have at most 1 tokens, wanted at least 2");
  refused({.tokens = {10, 11}, .most_repeats = 0},
          "[audit] repetition curves of 0 points, wanted at least 1");
}
