#include "slalom/explain/explanation.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <numeric>

#include "../support/compare.hpp"
#include "explained.hpp"
#include "slalom/base/error.hpp"
#include "slalom/surrogate/slalom.hpp"

using namespace slalom;
using namespace slalom::test;

namespace {

// F(t) = Σ w v / Σ w over the words of a text, and with [CLS] 1 and [SEP] 2 over them and a background of
// weight 1.5 and value .3. The geometric mean of the words' weights is 1, so that log w is centred.
constexpr double kWeight[] = {1, 2, 0.5, 4, 0.25, 1}, kValue[] = {1.5, -2, 0.25, 3, -1, 0.7};  // ids 10 … 15
constexpr double kBackgroundWeight = 1.5, kBackgroundValue = 0.3;

double answer(std::span<const TokenId> ids) {
  const bool background = ids.front() == 1;
  double all = background ? kBackgroundWeight : 0, sum = all * kBackgroundValue;
  for (const TokenId id : ids)
    if (id >= 10) {
      all += kWeight[id - 10];
      sum += kWeight[id - 10] * kValue[id - 10];
    }
  return sum / all;
}

const auto kSpecial = [](TokenId id) { return id <= 2; };

struct Case {
  FunctionBlackBox f{answer};
  ExplainedText text;
  explicit Case(bool background)
      : text(background ? std::vector<TokenId>{1, 10, 11, 12, 13, 14, 15, 10, 2}
                        : std::vector<TokenId>{10, 11, 12, 13, 14, 15, 10},
             kSpecial) {}

  Explanation explained(const char* method, ExplainOptions options = {}) {
    return explain(method_named(method), f, text, options);
  }
};

const std::vector<double> kValues = {1.5, -2, 0.25, 3, -1, 0.7, 1.5};
const double kLn2 = std::log(2);
const std::vector<double> kImportances = {0, kLn2, -kLn2, 2 * kLn2, -2 * kLn2, 0, 0};

// Σ_S |S|! (n − |S| − 1)! / n! (F(S ∪ i) − F(S)), absent tokens deleted.
std::vector<double> brute_force_shapley(Case& c) {
  const auto n = static_cast<std::size_t>(c.text.players());
  const auto value = [&](std::size_t set) {
    std::vector<std::uint8_t> member(n);
    for (std::size_t i = 0; i < n; ++i) member[i] = set >> i & 1;
    PackedTexts batch;
    c.text.add_coalition(member, {}, batch);
    return answer(batch.text(0));
  };
  std::vector<double> shapley(n, 0.0);
  for (std::size_t set = 0; set < std::size_t{1} << n; ++set)
    for (std::size_t i = 0; i < n; ++i) {
      if (set >> i & 1) continue;
      const auto size = static_cast<double>(std::popcount(set));
      const double weight = std::exp(std::lgamma(size + 1) + std::lgamma(static_cast<double>(n) - size) -
                                     std::lgamma(static_cast<double>(n) + 1));
      shapley[i] += weight * (value(set | std::size_t{1} << i) - value(set));
    }
  return shapley;
}

}  // namespace

TEST_CASE("explain: every SLALOM method recovers a classifier that is a SLALOM, and says so") {
  for (const bool background : {false, true})
    for (const char* method : {"slalom-exact", "slalom-eff", "slalom-fidel"}) {
      CAPTURE(method);
      CAPTURE(background);
      Case c(background);
      const Explanation e = c.explained(method, {.budget = method == std::string("slalom-exact") ? 0 : 120});
      const double tolerance = method == std::string("slalom-exact") ? 1e-9 : 1e-4;
      CHECK(relative_error(e.column("value"), kValues) <= tolerance);
      CHECK(relative_error(e.column("importance"), kImportances) <= tolerance);
      REQUIRE(e.background.has_value() == background);
      if (background) {
        CHECK(relative_error(e.background->value, kBackgroundValue) <= 1e-3);
        CHECK(relative_error(e.background->importance, std::log(kBackgroundWeight)) <= 1e-3);
      }
      CHECK(e.log_odds == answer(c.text.ids()));
      REQUIRE(e.fidelity);
      CHECK(e.fidelity->r2 >= 1 - 1e-7);
      CHECK(e.fidelity->mse <= 1e-8);
      CHECK(e.fidelity->removed == std::vector<Index>{1, 2, 3, 4, 5, 6});
      CHECK(e.fidelity->n == 6 * 5);  // five of each size: there are six different texts or more
      CHECK(std::abs(e.fidelity->correlation - 1) <= 1e-7);
    }
}

// Σ w v = 1.5 − 4 + .125 + 12 − .25 + .7 + 1.5 = 11.575, Σ w = 9.75; with the background 12.025 and 11.25.
TEST_CASE("explain: parts, linear scores and removals of a SLALOM") {
  for (const bool background : {false, true}) {
    Case c(background);
    const Explanation e = c.explained("slalom-exact");
    const double sum = background ? 12.025 : 11.575, all = background ? 11.25 : 9.75;
    const std::vector<double> linear = {1.5, -4, 0.125, 12, -0.25, 0.7, 1.5};
    std::vector<double> part, removal;
    for (std::size_t i = 0; i < linear.size(); ++i) {
      part.push_back(linear[i] / all);
      removal.push_back((sum - linear[i]) / (all - linear[i] / kValues[i]) - sum / all);
    }
    CHECK(relative_error(e.column("linear"), linear) <= 1e-9);
    CHECK(relative_error(e.column("part"), part) <= 1e-9);
    CHECK(relative_error(e.column("removal"), removal) <= 1e-9);
    CHECK(relative_error(e.weight(), all) <= 1e-9);
    CHECK(relative_error(1 + e.background_weight(), background ? 2.5 : 1) <= 1e-9);
    const Coalitions kept = single_deletions(7);
    for (Index i = 0; i < 7; ++i)
      CHECK(std::abs(e.predict(kept.row(i)) - sum / all - removal[static_cast<std::size_t>(i)]) <= 1e-9);
  }
}

TEST_CASE("explain: queries are counted, and slalom-exact needs 2K - 1 of them beside the text") {
  Case plain(false);  // K = 6, n = 7
  CHECK(plain.explained("slalom-exact").cost.unique_queries == 1 + 2 * 6 - 1);
  Case wrapped(true);  // F([]), F([k]), F([r, r]), F([k, r])
  CHECK(wrapped.explained("slalom-exact").cost.unique_queries == 1 + 2 * 6 + 1);
  const Explanation polished = plain.explained("slalom-exact", {.budget = 9});
  CHECK(polished.cost.unique_queries == 1 + 11 + 9);
  // All 6² texts of two tokens are fewer than the budget.
  CHECK(plain.explained("slalom-eff", {.budget = 500}).cost.unique_queries == 1 + 36);
  CHECK(plain.explained("slalom-eff", {.budget = 500, .short_length = 3}).cost.unique_queries == 1 + 216);
  CHECK(plain.explained("leave-one-out").cost.unique_queries == 1 + 7);
  CHECK(plain.explained("slalom-fidel", {.budget = 50}).cost.queries == 1 + 50);
}

TEST_CASE("explain: Shapley methods agree with brute force") {
  Case c(true);
  const std::vector<double> wanted = brute_force_shapley(c);
  CHECK(relative_error(weights_of(c.explained("shapley-exact")), wanted) <= 1e-12);
  CHECK(relative_error(weights_of(c.explained("kernel-shap", {.budget = 126})), wanted) <= 1e-9);
  CHECK(relative_error(weights_of(c.explained("slalom-shapley")), wanted) <= 1e-4);
  CHECK(relative_error(weights_of(c.explained("controlled-shap", {.budget = 400})), wanted) <= 1e-4);
  const Explanation sampled = c.explained("permutation-shap", {.budget = 4000});
  const std::vector<double>& se = sampled.column("standard_error");
  for (std::size_t i = 0; i < wanted.size(); ++i)
    CHECK(std::abs(weights_of(sampled)[i] - wanted[i]) <= 4 * se[i]);
  const std::vector<double> exact = weights_of(c.explained("shapley-exact"));
  CHECK(relative_error(std::accumulate(exact.begin(), exact.end(), 0.0), answer(c.text.ids()) - 0.3) <=
        1e-12);
}

TEST_CASE("explain: leave-one-out and linear deletion of an additive classifier are its weights") {
  FunctionBlackBox f([](std::span<const TokenId> ids) {
    double sum = 0.5;
    for (TokenId id : ids) sum += id >= 10 ? 0.3 * id - 4 : 0;
    return sum;
  });
  const ExplainedText text({1, 10, 14, 20, 10, 2}, kSpecial);
  const std::vector<double> wanted = {-1, 0.2, 2, -1};
  for (const char* method : {"leave-one-out", "linear-deletion", "shapley-exact"}) {
    const Explanation e = explain(method_named(method), f, text, {});
    CHECK(relative_error(weights_of(e), wanted) <= 1e-10);
    CHECK(e.fidelity->mse <= 1e-20);
  }
}

TEST_CASE("explain: absent tokens can be replaced by another") {
  FunctionBlackBox f([](std::span<const TokenId> ids) {
    return static_cast<double>(ids.front()) * 100 + static_cast<double>(ids.back());
  });
  const ExplainedText text({10, 12}, kSpecial);
  const Explanation e = explain(method_named("leave-one-out"), f, text, {.masking = {4}});
  CHECK(weights_of(e) == std::vector<double>{600, 8});
}

TEST_CASE("explain: one token, equal tokens and few answers give finite numbers and a warning") {
  for (const std::vector<TokenId>& ids : {std::vector<TokenId>{12}, {12, 12, 12}, {1, 12, 2}, {1, 12, 12, 2}})
    for (const Method& method : methods()) {
      CAPTURE(method.name);
      const ExplainedText text(ids, kSpecial);
      const bool shapley_without_empty =
          !text.has_empty_text() && (std::string(method.name).find("shap") != std::string::npos ||
                                     (method.name == std::string("leave-one-out") && text.players() == 1));
      FunctionBlackBox f([&](std::span<const TokenId> asked) {
        return asked.size() == 2 && asked.front() == 1 ? 0.1 : answer(asked);
      });
      if (shapley_without_empty || method.queries == QueryKind::passes) {  // a function cannot be looked into
        CHECK_THROWS_AS(explain(method, f, text, {.background = false}), Error);
        continue;
      }
      const Explanation e = explain(method, f, text, {});
      for (const char* name : {"value", "importance", "weight"})
        if (const auto* scores = e.find(name))
          for (double x : *scores) CHECK(std::isfinite(x));
      if (text.players() == 1) CHECK_FALSE(e.fidelity.has_value());
    }
}

TEST_CASE("explain: budgets of 0, of 1 and below what is needed") {
  Case c(false);
  for (const char* method :
       {"slalom-eff", "slalom-fidel", "linear-deletion", "kernel-shap", "permutation-shap"})
    CHECK_THROWS_AS(c.explained(method, {.budget = 0}), UsageError);
  for (const char* method : {"slalom-eff", "slalom-fidel"})
    for (const Index budget : {1, 2, 5}) {
      const Explanation e = c.explained(method, {.budget = budget});
      for (double x : e.column("value")) CHECK(std::isfinite(x));
      for (double x : e.column("importance")) CHECK(std::abs(x) <= 2 * kImportanceBound);
      CHECK(e.warnings.size() >= 1);
    }
  for (double x : weights_of(c.explained("linear-deletion", {.budget = 1}))) CHECK(x == 0);
  CHECK_THROWS_AS(c.explained("leave-one-out", {.as_published = true}), UsageError);
}

TEST_CASE("kernel-shap: the default budget grows with the text, as planned") {
  std::vector<TokenId> ids = {1};
  for (TokenId id = 10; id < 610; ++id) ids.push_back(id);
  const ExplainedText text(ids, kSpecial);
  FunctionBlackBox f([](std::span<const TokenId> left) {
    double sum = 0;
    for (const TokenId id : left) sum += std::sin(id);
    return sum;
  });
  const Method& method = method_named("kernel-shap");
  const ExplainOptions options{.held_out = 0};
  const Explanation e = explain(method, f, text, options);
  const std::vector<double>& weight = weights_of(e);
  REQUIRE(weight.size() == 600);
  for (std::size_t i = 0; i < 600; ++i) REQUIRE(std::abs(weight[i] - std::sin(10 + i)) <= 1e-9);
  CHECK(e.cost.queries == 2 + 4 * 600 + 1);  // the ends, the coalitions, the text
  CHECK(std::abs(expected_cost(method, text, options).queries - e.cost.queries) <= 2);
  CHECK(method.budget({}, 250) == 1000);
  CHECK(method_named("lime").budget({}, 600) == method_named("lime").default_budget);
}

TEST_CASE("explain: a budget that a text leaves no memory for is that text's error") {
  Case c(true);
  try {
    c.explained("kernel-shap", {.budget = Index{1} << 31});
    FAIL("no error");
  } catch (const Error& e) {
    CHECK(e.status() == ExitStatus::bad_input);
  }
}

TEST_CASE("explain: a repeated query is no further evidence") {
  // Noise of its own for each text: the outputs stay the same however often they are asked for.
  FunctionBlackBox noisy([](std::span<const TokenId> ids) {
    double x = 1;
    for (TokenId id : ids) x = std::fmod(x * 31.7 + id, 17.0);
    return answer(ids) + 0.01 * x;
  });
  const ExplainedText text({1, 10, 11, 12, 2}, kSpecial);  // 6 deletions of one or two tokens, and the text
  for (const char* method : {"linear-deletion", "slalom-fidel"}) {
    const auto errors = [&](Index budget) {
      const Explanation e = explain(method_named(method), noisy, text, {.budget = budget});
      return e.column(e.is_slalom() ? "value_se" : "standard_error");
    };
    const std::vector<double> few = errors(200), many = errors(5000);
    for (std::size_t i = 0; i < few.size(); ++i)
      CHECK((std::isnan(few[i]) ? std::isnan(many[i]) : relative_error(many[i], few[i]) <= 1e-6));
  }
}

TEST_CASE("explain: fidelity prefers deletions that were not asked, and says how many there were") {
  Case c(true);  // 7 tokens: 127 deletions that keep one
  const Explanation left = c.explained("leave-one-out");
  CHECK(left.fidelity->n > left.fidelity->unseen);  // all deletions of one token were asked
  CHECK(left.fidelity->mse_removed[0] <= 1e-25);
  CHECK(left.fidelity->unseen == left.fidelity->n - 5);
  const Explanation all = c.explained("shapley-exact");
  CHECK(all.fidelity->unseen == 0);
  CHECK(all.fidelity->n == 6 * 5);
}

TEST_CASE("explain: the same bits again, and other queries with another seed") {
  Case c(true);
  const Explanation a = c.explained("slalom-fidel", {.budget = 30}),
                    b = c.explained("slalom-fidel", {.budget = 30}),
                    other = c.explained("slalom-fidel", {.budget = 30, .seed = 1});
  CHECK(a.column("value") == b.column("value"));
  CHECK(a.fidelity->mse == b.fidelity->mse);
  CHECK(a.column("value") != other.column("value"));
}
