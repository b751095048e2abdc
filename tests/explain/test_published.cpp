#include "slalom/explain/published.hpp"

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <map>
#include <numeric>
#include <set>

#include "../support/compare.hpp"
#include "../support/published_fixtures.hpp"
#include "../support/small_models.hpp"
#include "explained.hpp"
#include "slalom/base/error.hpp"
#include "slalom/explain/lime.hpp"
#include "slalom/kernels/least_squares.hpp"

using namespace slalom;
using namespace slalom::test;

namespace {

using Numbers = std::vector<double>;
const auto kSpecial = [](TokenId id) { return id <= 2; };

// Σ of id / 10, and 5 for each special token.
double additive(std::span<const TokenId> ids) {
  double sum = 0;
  for (const TokenId id : ids) sum += id <= 2 ? 5 : 0.1 * id;
  return sum;
}

/// Keeps what it is asked.
struct Recorded {
  std::vector<std::vector<TokenId>> asked;
  FunctionBlackBox f{[this](std::span<const TokenId> ids) {
    asked.emplace_back(ids.begin(), ids.end());
    return additive(ids);
  }};
};

Explanation as_published(const char* method, BlackBox& f, const ExplainedText& text,
                         ExplainOptions options = {}) {
  options.as_published = true;
  options.held_out = 0;
  return explain(method_named(method), f, text, options);
}

/// The members of each bit string.
Coalitions coalitions(const Json& rows) {
  Coalitions result{std::ssize(rows[0].get<std::string>()), {}};
  for (const Json& row : rows)
    std::ranges::transform(row.get<std::string>(), result.add(0).begin(), [](char c) { return c == '1'; });
  return result;
}

std::size_t places_of(const std::vector<TokenId>& ids, TokenId id) {
  return static_cast<std::size_t>(std::ranges::find(ids, id) - ids.begin());
}

}  // namespace

TEST_CASE("slalom-eff as published: texts of three tokens, 16 at a time, repeats and all") {
  Recorded recorded;
  const ExplainedText text({1, 10, 14, 20, 10, 2}, kSpecial);
  const Explanation e = as_published("slalom-eff", recorded.f, text, {.budget = 33});
  CHECK(e.cost.queries == 1 + 48);
  CHECK(e.cost.unique_queries <= 1 + 27);
  for (std::size_t i = 1; i < recorded.asked.size(); ++i) CHECK(recorded.asked[i].size() == 5);
  CHECK(check_of(e, "iterations") == 18);  // one batch an epoch
  const Numbers value = e.column("value"), importance = e.column("importance");
  CHECK(value[0] == value[3]);
  // No step of Adam's is much longer than the rate.
  for (const double v : value) CHECK(std::abs(v) <= 18 * 1e-2 * 1.1);
  CHECK_FALSE(e.background);
  CHECK(as_published("slalom-eff", recorded.f, text).cost.queries == 1 + 5008);
}

TEST_CASE(
    "slalom-fidel as published: up to five deletions, none among them; the removal of distinct tokens") {
  Recorded recorded;
  const ExplainedText text({1, 10, 14, 20, 10, 30, 40, 50, 60, 2}, kSpecial);
  const Explanation e = as_published("slalom-fidel", recorded.f, text, {.budget = 100});
  CHECK(e.cost.queries == 1 + 112);
  std::map<std::size_t, int> sizes;
  for (const auto& asked : recorded.asked) ++sizes[asked.size()];
  CHECK(sizes.begin()->first == 10 - 5);
  CHECK(sizes.rbegin()->first == 10);
  CHECK(sizes[10] == 1);  // asked once, however often it is drawn
  const Numbers value = e.column("value"), importance = e.column("importance");
  SlalomModel model;
  for (const std::size_t i : {0, 1, 2, 4, 5, 6, 7}) {
    model.value.push_back(value[i]);
    model.importance.push_back(importance[i]);
  }
  double all = 0, without = 0, F = 0, left = 0;
  for (std::size_t k = 0; k < 7; ++k) {
    all += std::exp(model.importance[k]);
    F += std::exp(model.importance[k]) * model.value[k];
    if (k > 0) without += std::exp(model.importance[k]);
    if (k > 0) left += std::exp(model.importance[k]) * model.value[k];
  }
  CHECK(std::abs(e.column("removal")[0] - (F / all - left / without)) <= 1e-12);
  const ExplainedText two({1, 10, 14, 2}, kSpecial);
  recorded.asked.clear();
  as_published("slalom-fidel", recorded.f, two, {.budget = 64});
  for (const auto& asked : recorded.asked) CHECK(asked.size() >= 3);
}

TEST_CASE("linear-deletion as published: copies share a weight, deletions are drawn 32 at a time") {
  Recorded recorded;
  const ExplainedText text({1, 10, 14, 20, 10, 30, 2}, kSpecial);
  const Explanation e = as_published("linear-deletion", recorded.f, text);
  CHECK(e.cost.queries == 1 + 224);
  CHECK(weights_of(e)[0] == weights_of(e)[3]);
  Sample counts;
  counts.tokens = 2;
  counts.add(std::vector<Sample::Token>{0, 0, 1}, 8);
  counts.add(std::vector<Sample::Token>{0, 1}, 5);
  CHECK(relative_error(published::deletion_weights(counts), Numbers{3, 2}) <= 1e-12);
}

TEST_CASE("lime as published: slopes of the probability by words, all copies hidden together") {
  std::vector<std::vector<TokenId>> asked;
  FunctionBlackBox f([&](std::span<const TokenId> ids) {
    asked.emplace_back(ids.begin(), ids.end());
    return ids.size() == 2 ? -1. : std::ranges::count(ids, 10) > 0 ? 2. : 0.5;
  });
  const ExplainedText text({1, 10, 14, 10, 20, 2}, kSpecial);
  const Explanation e = as_published("lime", f, text, {.budget = 400});
  CHECK(e.cost.queries == 1 + 400);
  CHECK(e.cost.unique_queries == 8);  // the whole text is one of the subsets of three words
  for (const auto& ids : asked) CHECK(std::ranges::count(ids, 10) % 2 == 0);
  CHECK(weights_of(e)[0] == weights_of(e)[2]);
  CHECK(weights_of(e)[0] > .2);
  CHECK(std::abs(weights_of(e)[1]) < .1);
  // A text without special tokens has no empty form to ask.
  asked.clear();
  as_published("lime", f, ExplainedText({10, 14, 20}, kSpecial), {.budget = 100});
  for (const auto& ids : asked) CHECK_FALSE(ids.empty());
}

// "unable": the pieces un, ##able; "able" alone is a word of its own, but the same string.
TEST_CASE("lime as published: what is left of a text is tokenized anew") {
  const Tokenizer tokenizer(
      {.vocabulary = Vocabulary({"[PAD]", "[CLS]", "[SEP]", "un", "##able", "able", "is"}),
       .scheme = WordPieceScheme{},
       .around = bert_templates({1}, {2})});
  Recorded recorded;
  const ExplainedText text({1, 3, 4, 6, 5, 2}, kSpecial);
  const Explanation e = as_published("lime", recorded.f, text, {.budget = 200, .tokenizer = &tokenizer});
  CHECK(weights_of(e)[1] == weights_of(e)[3]);  // "able", whether it begins a word or not
  std::set<std::vector<TokenId>> texts(recorded.asked.begin(), recorded.asked.end());
  CHECK(texts == std::set<std::vector<TokenId>>{{1, 3, 4, 6, 5, 2},
                                                {1, 5, 6, 5, 2},
                                                {1, 3, 6, 2},
                                                {1, 3, 4, 5, 2},
                                                {1, 3, 2},
                                                {1, 5, 5, 2},
                                                {1, 6, 2},
                                                {1, 2}});
  const ExplainedText other({1, 0, 2}, [](TokenId id) { return id == 1 || id == 2; });
  CHECK_NOTHROW(as_published("lime", recorded.f, text, {.budget = 10}));
}

// Without [CLS] and [SEP] the text is 1 + 1.4 + 2, each against [UNK]'s .3; what is [UNK] already gets 0.
TEST_CASE("kernel-shap as published: the game of the text without special tokens, absent ones unknown") {
  Recorded recorded;
  const ExplainedText text({1, 10, 3, 14, 20, 2}, kSpecial);
  ExplainOptions options{.pad_id = 5, .unk_id = 3};
  const Explanation e = as_published("kernel-shap", recorded.f, text, options);
  CHECK(relative_error(weights_of(e), Numbers{0.7, 0, 1.1, 1.7}) <= 1e-12);
  CHECK(std::abs(check_of(e, "log_odds_full") - 4.7) <= 1e-12);
  CHECK(std::abs(check_of(e, "log_odds_empty") - 1.2) <= 1e-12);
  CHECK(e.warnings.size() == 1);
  for (std::size_t i = 1; i < recorded.asked.size(); ++i) CHECK(recorded.asked[i].size() == 4);
  options.unk_id.reset();
  CHECK(relative_error(weights_of(as_published("kernel-shap", recorded.f, text, options)),
                       Numbers{0.5, -0.2, 0.9, 1.5}) <= 1e-12);
  options.pad_id.reset();
  CHECK_THROWS_AS(as_published("kernel-shap", recorded.f, text, options), UsageError);
  CHECK(weights_of(as_published("kernel-shap", recorded.f, ExplainedText({1, 3, 2}, kSpecial),
                                {.unk_id = 3})) == Numbers{0});
}

TEST_CASE(
    "kernel-shap's coalitions: enumerated as far as the samples go, then in pairs, with weights of sum 1") {
  for (const Index n : {2, 3, 5, 12, 14, 15, 40}) {
    CAPTURE(n);
    const published::ShapSample sample = published::shap_sample(n, 5000, 3);
    const double all = std::exp2(static_cast<double>(n)) - 2;
    CHECK(static_cast<double>(sample.kept.size()) == std::min(all, 5000.));
    CHECK(std::abs(std::accumulate(sample.weight.begin(), sample.weight.end(), 0.0) - 1) <= 1e-12);
    CHECK(sample.selects() == (n >= 15));
    std::set<std::vector<std::uint8_t>> distinct;
    for (Index i = 0; i < sample.kept.size(); ++i)
      distinct.insert({sample.kept.row(i).begin(), sample.kept.row(i).end()});
    CHECK(std::ssize(distinct) == sample.kept.size());
  }
  // Size s has a share of 1 / (s (n − s)), which sums to 2 H / n, H = Σ 1 / s over s < n; 2 n coalitions
  // share that of sizes 1 and n − 1.
  double harmonic = 0;
  for (int s = 1; s < 15; ++s) harmonic += 1. / s;
  CHECK(relative_error(published::shap_sample(15, 5000, 3).weight[0], 1 / (28 * harmonic)) <= 1e-12);
}

TEST_CASE("kernel-shap's selection: a game of two players among eight leaves the others out") {
  const published::ShapSample sample = published::shap_sample(8, 254, 1);
  Rng noise(11, Purpose::test);
  Numbers answers;
  for (Index i = 0; i < sample.kept.size(); ++i)
    answers.push_back(2.0 * sample.kept.row(i)[2] - 3.0 * sample.kept.row(i)[5] + 0.1 * noise.normal());
  const std::vector<Index> features = published::shap_selection(sample, answers, 0, -1);
  CHECK(std::ranges::find(features, 2) != features.end());
  CHECK(std::ranges::find(features, 5) != features.end());
  CHECK(features.size() < 8);
  const Numbers values = published::shap_values(sample, answers, 0, -1, std::vector<Index>{2, 5});
  CHECK(std::abs(values[2] - 2) < 0.1);
  CHECK(std::abs(values[2] + values[5] + 1) < 1e-12);
  CHECK(values[0] == 0);
}

TEST_CASE("published variants explain tokens, and only some methods have one") {
  Recorded recorded;
  const ExplainedText words(Encoding{{1, 10, 11, 2}, {}, {{}, {0, 0, 1, 0}, {0, 1, 2, 0}, {}}}, kSpecial,
                            Unit::word);
  CHECK_THROWS_AS(as_published("lime", recorded.f, words), UsageError);
  CHECK_THROWS_AS(as_published("leave-one-out", recorded.f, ExplainedText({1, 10, 2}, kSpecial)), UsageError);
}

TEST_CASE("attn-lrp as published: of the largest logit, signs turned where it speaks against class 1") {
  ClassifierConfig config = small_config(Architecture::distilbert, 1);
  config.labels = 2;
  Classifier<double> model(config);
  randomise(model, 3);
  const ExplainedText text({1, 7, 21, 33, 2}, kSpecial);
  ModelBlackBox<double> positive(model, 1, 4096), negative(model, 0, 4096);
  const Explanation a = as_published("attn-lrp", positive, text),
                    b = as_published("attn-lrp", negative, text);
  CHECK(a.log_odds == -b.log_odds);
  for (std::size_t i = 0; i < 3; ++i) CHECK(weights_of(a)[i] == -weights_of(b)[i]);
  CHECK(a.special.size() == 2);
}

TEST_CASE("LIME agrees with the published code on its samples, and comes near them with others") {
  with_published_models("lime.json", [](BlackBox& f, const ExplainedText& text, const Json& r) {
    const auto words = r["words"].get<std::vector<TokenId>>();
    const Coalitions kept = coalitions(r["kept"]);
    const LimeFit fit = fit_lime(kept, r["probability"].get<Numbers>(), lime_kernel(kept));
    Numbers weight;
    for (const Json& id : r["tokens"]) weight.push_back(fit.weight[places_of(words, id.get<TokenId>())]);
    CHECK(relative_error(weight, r["weight"].get<Numbers>()) <= 1e-8);
    CHECK(std::abs(fit.intercept - r["intercept"].get<double>()) <= 1e-8);
    // GPT-2 is asked about padding where ours keeps a word.
    if (!text.has_empty_text()) return;
    CHECK(relative_error(weights_of(as_published("lime", f, text)),
                         r["enumerated_5000"]["weight"].get<Numbers>()) <= .1);
  });
}

TEST_CASE("SHAP agrees with the published code: all coalitions, and features selected from samples") {
  with_published_models("shap.json", [](BlackBox& f, const ExplainedText& text, const Json& r) {
    const Explanation e = as_published("kernel-shap", f, text, {.unk_id = r["filler"].get<TokenId>()});
    CHECK(relative_error(weights_of(e), r["shapley"].get<Numbers>()) <= 1e-8);
    CHECK(std::abs(check_of(e, "log_odds_full") - r["full"].get<double>()) <= 1e-8);
    CHECK(std::abs(check_of(e, "log_odds_empty") - r["empty"].get<double>()) <= 1e-8);
  });
  with_published_models("shap_sampled.json", [](BlackBox&, const ExplainedText&, const Json& r) {
    const published::ShapSample sample{coalitions(r["kept"]), r["weight"].get<Numbers>()};
    const auto log_odds = r["log_odds"].get<Numbers>();
    const double empty = r["empty"].get<double>(), full = r["full"].get<double>();
    CHECK(sample.selects());
    const std::vector<Index> features = published::shap_selection(sample, log_odds, empty, full);
    CHECK(features == r["selected"].get<std::vector<Index>>());
    CHECK(relative_error(published::shap_values(sample, log_odds, empty, full, features),
                         r["value"].get<Numbers>()) <= 1e-8);
  });
}

TEST_CASE("gradients, relevances and linear deletion agree with the published code") {
  with_published_models("gradients.json", [](BlackBox& f, const ExplainedText& text, const Json& r) {
    CHECK(relative_error(weights_of(as_published("gradient", f, text)), r["gradient"].get<Numbers>()) <=
          1e-8);
    CHECK(relative_error(weights_of(as_published("integrated-gradients", f, text)),
                         r["integrated_gradients"].get<Numbers>()) <= 1e-8);
  });
  with_published_models("lrp.json", [](BlackBox& f, const ExplainedText& text, const Json& r) {
    CHECK(relative_error(weights_of(as_published("attn-lrp", f, text)), r["lrp"].get<Numbers>()) <= 1e-6);
  });
  with_published_models("linear_deletion.json", [](BlackBox&, const ExplainedText& text, const Json& r) {
    Sample sample;
    sample.tokens = text.distinct();
    const Coalitions deleted = coalitions(r["deleted"]);
    for (Index i = 0; i < deleted.size(); ++i) {
      std::vector<Sample::Token> left;
      for (Index j = 0; j < text.players(); ++j)
        if (deleted.row(i)[j] == 0) left.push_back(text.tokens()[j]);
      sample.add(left, r["log_odds"][i].get<double>());
    }
    const Numbers weight = published::deletion_weights(sample);
    Numbers of_tokens;
    for (const Sample::Token t : text.tokens()) of_tokens.push_back(weight[t]);
    CHECK(relative_error(of_tokens, r["weight"].get<Numbers>()) <= 1e-8);
  });
}
