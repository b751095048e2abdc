#include "slalom/surrogate/published.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "../support/compare.hpp"
#include "../support/published_fixtures.hpp"
#include "random_slalom.hpp"
#include "slalom/base/error.hpp"
#include "slalom/base/random.hpp"
#include "slalom/data/rows.hpp"
#include "slalom/surrogate/gam.hpp"
#include "slalom/surrogate/linear.hpp"

using namespace slalom;
using test::random_sample;
using test::random_slalom;
using test::relative_error;
using Tokens = std::vector<Sample::Token>;
using Numbers = std::vector<double>;

namespace {

/// Places of the ids among `distinct`.
Tokens placed(const std::vector<TokenId>& ids, const std::vector<TokenId>& distinct) {
  Tokens tokens;
  for (const TokenId id : ids)
    tokens.push_back(static_cast<Sample::Token>(std::ranges::find(distinct, id) - distinct.begin()));
  return tokens;
}

Sample deletions_of(const Json& record) {
  const auto text =
      placed(record["tokens"].get<std::vector<TokenId>>(), record["distinct"].get<std::vector<TokenId>>());
  Sample sample;
  sample.tokens = std::ssize(record["distinct"]);
  for (std::size_t i = 0; i < record["deleted"].size(); ++i) {
    const std::string bits = record["deleted"][i].get<std::string>();
    Tokens left;
    for (std::size_t j = 0; j < text.size(); ++j)
      if (bits[j] == '0') left.push_back(text[j]);
    sample.add(left, record["log_odds"][i].get<double>());
  }
  return sample;
}

Sample asked_of(const Json& record) {
  Sample sample;
  const auto distinct = record["distinct"].get<std::vector<TokenId>>();
  sample.tokens = std::ssize(distinct);
  const Json& asked = record["asked"];
  for (std::size_t i = 0; i < record["log_odds"].size(); ++i) {
    Tokens tokens;
    for (std::size_t j = 0; asked.is_string() && j < 3; ++j)
      tokens.push_back(asked.get_ref<const std::string&>()[3 * i + j] - '0');
    if (asked.is_array()) tokens = placed(asked[i].get<std::vector<TokenId>>(), distinct);
    sample.add(tokens, record["log_odds"][i].get<double>());
  }
  return sample;
}

Numbers linear(const SlalomModel& model) {
  Numbers scores;
  for (std::size_t k = 0; k < model.value.size(); ++k)
    scores.push_back(std::exp(model.importance[k]) * model.value[k]);
  return scores;
}

double largest_difference(const Numbers& got, const Json& want) {
  double worst = got.size() == want.size() ? 0 : INFINITY;
  for (std::size_t k = 0; k < std::min(got.size(), want.size()); ++k)
    worst = std::max(worst, std::abs(got[k] - want[k].get<double>()));
  return worst;
}

}  // namespace

TEST_CASE("as published: deletions of a long text, whose importances are determined up to rounding alone") {
  constexpr Index kTokens = 200;
  for (const std::uint64_t seed : {10, 11}) {
    CAPTURE(seed);
    Rng rng(seed, Purpose::test);
    Numbers weight(kTokens);
    for (double& w : weight) w = rng.normal() / 10;
    Sample sample;
    sample.tokens = kTokens;
    for (int i = 0; i < 500; ++i) {
      std::vector<bool> deleted(kTokens);
      for (std::uint32_t k = rng.below(6); k > 0; --k) deleted[rng.below(kTokens)] = true;
      Tokens left;
      double log_odds = 3;
      for (Sample::Token t = 0; t < kTokens; ++t)
        if (deleted[t])
          log_odds -= weight[t];
        else
          left.push_back(t);
      sample.add(left, log_odds);
    }
    const SlalomFit fit = fit_slalom_deletions(sample);
    CHECK(fit.mse < 0.01);  // the deletions' mean square is .025
    CHECK(std::abs(mean_squared_error(sample, predict(fit.model, sample)) - fit.mse) < 1e-12);
  }
}

TEST_CASE("one Adam step moves every parameter that has a gradient by the rate") {
  Sample sample;  // the first step of Adam is rate · g / (|g| + ε)
  sample.tokens = 3;
  sample.add(Tokens{0, 1}, 2);
  sample.add(Tokens{1}, 1);
  const SlalomFit fit = fit_slalom_adam(sample, {0.01, 2, 1});
  CHECK(fit.iterations == 1);
  CHECK(relative_error(fit.model.value, Numbers{0.01, 0.01, 0}) < 1e-7);
  CHECK(fit.model.importance == Numbers(3));  // all values 0: importances have no gradient
}

TEST_CASE("two Adam steps agree with the arithmetic") {
  Sample sample;
  sample.tokens = 1;
  sample.add(Tokens{0}, 1);
  // F = v, g = 2 (v − 1). Step 1: g = −2, v = 0.1. Step 2: g = −1.8,
  // m = .9 · (−.2) + .1 · (−1.8) = −.36, m̂ = −.36 / .19; u = .999 · .004 + .001 · 3.24 = .007236, û = u /
  // .001999.
  const SlalomFit fit = fit_slalom_adam(sample, {0.1, 32, 2});
  const double step = 0.1 * (0.36 / 0.19) / std::sqrt(0.007236 / 0.001999);
  CHECK(relative_error(fit.model.value[0], 0.1 + step) < 1e-7);
  CHECK(relative_error(fit.mse, std::pow(0.9 - step, 2)) < 1e-6);
}

TEST_CASE("Adam comes near the least-squares optimum and never below it") {
  const Sample sample = random_sample(random_slalom(5, 0.7, false, 3), 2000, 12, 0.2, 3);
  const SlalomFit adam = fit_slalom_adam(sample, {5e-3, 32, 200}),
                  best = fit_slalom(sample, {.least_squares = true});
  CHECK(adam.iterations == 200 * 63);
  CHECK(best.mse <= adam.mse);
  CHECK(adam.mse < 1.05 * best.mse);
  CHECK(std::isnan(adam.value_se[0]));
}

// Values 1 and −1 are exact for texts of one token, and right for both at equal importances if F is 0.
TEST_CASE("the fit to deletions: what does not lower the error is put back") {
  Sample sample;
  sample.tokens = 2;
  sample.add(Tokens{0}, 1);
  sample.add(Tokens{1}, -1);
  sample.add(Tokens{0, 1}, 0);
  const SlalomFit equal = fit_slalom_deletions(sample);
  CHECK(equal.chosen == "equal importances");
  CHECK(equal.model.importance == Numbers{0, 0});
  CHECK(relative_error(equal.model.value, Numbers{1, -1}) < 1e-12);
}

// With so many single tokens the values are all but ±1, and the pair then has odds (1 − .5) / (.5 + 1) = 1/3
// for token 1: e^s = 2 · 3/4 and 2 · 1/4.
TEST_CASE("the fit to deletions: importances that go with the values, their exponentials summing to K") {
  Sample sample;
  sample.tokens = 2;
  for (int i = 0; i < 3000; ++i) {
    sample.add(Tokens{0}, 1);
    sample.add(Tokens{1}, -1);
  }
  sample.add(Tokens{0, 1}, 0.5);
  const SlalomFit fit = fit_slalom_deletions(sample);
  CHECK(fit.chosen == "SLALOM");
  CHECK(std::abs(fit.model.importance[0] - std::log(1.5)) < 2e-3);
  CHECK(std::abs(std::exp(fit.model.importance[0]) + std::exp(fit.model.importance[1]) - 2) < 1e-12);
}

// Of three tokens of values 1, −1, 2 the third would have to weigh less than nothing: F of all is below what
// any mixture with it gives.
TEST_CASE("the fit to deletions: no importance is worse than none") {
  Sample sample;
  sample.tokens = 3;
  for (int i = 0; i < 3000; ++i) {
    sample.add(Tokens{0}, 1);
    sample.add(Tokens{1}, -1);
    sample.add(Tokens{2}, 2);
  }
  sample.add(Tokens{0, 1}, 0);
  sample.add(Tokens{0, 1, 2}, -0.5);
  const SlalomFit fit = fit_slalom_deletions(sample);
  REQUIRE(fit.chosen == "SLALOM");
  CHECK(fit.model.importance[2] == -kImportanceBound);
  CHECK(std::abs(std::exp(fit.model.importance[0]) + std::exp(fit.model.importance[1]) - 3) < 1e-12);
}

TEST_CASE("published removal: what the mean of the distinct tokens loses") {
  const SlalomModel model{{1, 4}, {std::log(2.0), 0}, {}};  // F = 2
  CHECK(relative_error(published_removal(model), Numbers{-2, 1}) < 1e-12);
}

TEST_CASE("bad input to the published fits is refused") {
  Sample sample;
  sample.tokens = 1;
  CHECK_THROWS_AS(fit_slalom_adam(sample, kPublishedEff), Error);
  sample.add(Tokens{}, 0);
  CHECK_THROWS_AS(fit_slalom_adam(sample, kPublishedEff), Error);
  CHECK_THROWS_AS(fit_slalom_deletions(sample), Error);
  sample = {};
  sample.tokens = 1;
  sample.add(Tokens{0}, 0);
  CHECK_THROWS_AS(fit_slalom_adam(sample, {1e-3, 0, 1}), Error);
  CHECK_THROWS_AS(fit_slalom_adam(sample, {1e-3, 1, 0}), Error);
  sample.weight = {2};
  CHECK_THROWS_AS(fit_slalom_deletions(sample), Error);
}

TEST_CASE("SLALOM-fidel agrees with the published code, restored fits included") {
  for (const std::string& model : test::kPublishedModels)
    test::with_published(model + "/slalom_fidel.json", [](const Json& r) {
      const SlalomFit fit = fit_slalom_deletions(deletions_of(r));
      CHECK((fit.chosen == "equal importances") == r["restored"].get<bool>());
      // Where the solver moved it stops within 1e-6 of the minimum.
      const double tolerance = r["restored"].get<bool>() ? 1e-8 : 1e-5;
      CHECK(largest_difference(fit.model.value, r["value"]) <= tolerance);
      CHECK(largest_difference(fit.model.importance, r["importance"]) <= tolerance);
      CHECK(largest_difference(linear(fit.model), r["linear"]) <= 10 * tolerance);
      CHECK(largest_difference(published_removal(fit.model), r["removal"]) <= tolerance);
      CHECK(relative_error(fit.mse, r["mse"][r["restored"].get<bool>() ? 0 : 1].get<double>()) <= .15);
    });
}

TEST_CASE("SLALOM-eff agrees with the published code, its last epochs left out") {
  for (const std::string& model : test::kPublishedModels)
    for (const char* file : {"/slalom_eff.json", "/slalom_eff_5008.json"})
      test::with_published(model + file, [](const Json& r) {
        const Sample sample = asked_of(r);
        CHECK(r["epochs_of_the_result"] == kPublishedEff.epochs);
        const SlalomFit fit = fit_slalom_adam(sample, kPublishedEff);
        const double tolerance = r["asked"].is_string() ? 1e-6 : 1e-8;  // answers of nine digits
        CHECK(largest_difference(fit.model.value, r["value"]) <= tolerance);
        CHECK(largest_difference(fit.model.importance, r["importance"]) <= tolerance);
        CHECK(largest_difference(linear(fit.model), r["linear"]) <= tolerance);
        CHECK(relative_error(fit.mse, r["mse"].get<double>()) <= tolerance);
        const SlalomFit after =
            fit_slalom_adam(sample, {kPublishedEff.rate, kPublishedEff.batch, r["epochs"].get<Index>()});
        CHECK(largest_difference(after.model.value, r["value_after_all"]) <= tolerance);
        CHECK(largest_difference(after.model.importance, r["importance_after_all"]) <= tolerance);
      });
}

TEST_CASE("surrogates of given texts agree with the published code") {
  for (const std::string& model : test::kPublishedModels)
    test::with_published(model + "/surrogates.json", [&](const Json& r) {
      const auto words = r["tokens"].get<std::vector<TokenId>>();
      const auto begin_end = [&](const char* field) { return r[field].get<std::array<Index, 2>>(); };
      Sample fitted, scored;
      fitted.tokens = scored.tokens = std::ssize(words);
      RowReader reader(test::shared_folder() + "/models/" + model + "/texts.jsonl.gz", {.vocabulary = 16});
      Index number = 0;
      const bool encoder = model.find("gpt2") == std::string::npos;
      for (InputRow row; reader.next(row); ++number) {
        std::erase_if(row.ids, [](TokenId id) { return id < 5; });
        const auto holds = [&](std::array<Index, 2> range) {
          return number >= range[0] && number < range[1];
        };
        if (holds(begin_end("texts_fitted"))) fitted.add(placed(row.ids, words), row.log_odds.value());
        if (holds(begin_end("texts_scored"))) scored.add(placed(row.ids, words), row.log_odds.value());
      }
      const auto scores = [&](const char* name, const auto& found, double tolerance) {
        CHECK(relative_error(mean_squared_error(fitted, predict(found, fitted)),
                             r[name]["mse_fitted_scored"][0].get<double>()) <= tolerance);
        CHECK(relative_error(mean_squared_error(scored, predict(found, scored)),
                             r[name]["mse_fitted_scored"][1].get<double>()) <= tolerance);
      };
      const LinearModel bag = fit_linear(fitted).model;
      CHECK(largest_difference(bag.weight, r["linear"]["weight"]) <= 1e-8);
      CHECK(std::abs(bag.intercept - r["linear"]["intercept"].get<double>()) <= 1e-8);
      scores("linear", bag, 1e-8);

      const GamModel gam = fit_gam_lasso(fitted).model;
      for (Index k = 0; k < gam.tokens; ++k)
        for (Index p = 0; p < gam.positions; ++p)  // [CLS] has the first place
          CHECK(std::abs(gam.weight[p * gam.tokens + k] -
                         r["gam"]["weight_token_position"][k][p + (encoder ? 1 : 0)].get<double>()) <= 1e-3);
      scores("gam", gam, 1e-3);

      const SlalomModel slalom = fit_slalom_adam(fitted, kPublishedTexts).model;
      CHECK(largest_difference(slalom.value, r["slalom"]["value"]) <= 1e-8);
      CHECK(largest_difference(slalom.importance, r["slalom"]["importance"]) <= 1e-8);
      scores("slalom", slalom, 1e-8);
    });
}
