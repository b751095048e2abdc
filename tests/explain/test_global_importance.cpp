#include "slalom/explain/global_importance.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "../support/compare.hpp"
#include "slalom/base/error.hpp"
#include "slalom/surrogate/slalom.hpp"

using namespace slalom;
using namespace slalom::test;

namespace {

const auto kSpecial = [](TokenId id) { return id <= 2; };

// Tokens 10 … 15; [CLS] 1 and [SEP] 2 are a background.
SlalomModel truth() {
  SlalomModel model{{1.5, -2, 0.25, 3, -1, 0.7}, {0.4, -0.8, 1.1, 0.2, -0.3, 0.9}, Background{0.3, 0.5}};
  model.centre();
  return model;
}

double answer(std::span<const TokenId> ids) {
  std::vector<Sample::Token> tokens;
  for (TokenId id : ids)
    if (id >= 10) tokens.push_back(id - 10);
  return truth().predict(tokens);
}

CorpusCounts corpus(bool labelled = true) {
  CorpusCounts counts(kSpecial, 1, 100);
  const auto add = [&](std::vector<TokenId> ids, int label) {
    counts.add(Encoding{std::move(ids), {}, {}}, labelled ? std::optional<int>(label) : std::nullopt);
  };
  add({1, 10, 11, 10, 2}, 1);
  add({1, 12, 13, 2}, 0);
  add({1, 14, 15, 10, 13, 2}, 1);
  return counts;
}

}  // namespace

TEST_CASE("global importance: every token's value and importance, from 2K + 1 questions") {
  FunctionBlackBox f(answer);
  const GlobalImportance result = global_importance(f, corpus(), {});
  const SlalomModel model = truth();
  REQUIRE(result.tokens.size() == 6);
  for (const GlobalImportance::Token& token : result.tokens) {
    const auto k = static_cast<std::size_t>(token.id - 10);
    CHECK(std::abs(token.value - model.value[k]) <= 1e-9);
    CHECK(std::abs(token.importance - model.importance[k]) <= 1e-9);
    CHECK(token.linear == std::exp(token.importance) * token.value);
  }
  for (std::size_t i = 1; i < result.tokens.size(); ++i)
    CHECK(std::abs(result.tokens[i].linear) <= std::abs(result.tokens[i - 1].linear));
  CHECK(result.cost.unique_queries == 2 * 6 + 1);
  REQUIRE(result.fidelity);
  CHECK(result.fidelity->n == 3);
  CHECK(result.fidelity->mse <= 1e-16);
  REQUIRE(result.background);
  CHECK(std::abs(result.background->value - 0.3) <= 1e-9);
}

TEST_CASE(
    "global importance: texts that the identification asked are not unseen, those asked before it are") {
  FunctionBlackBox f(answer);
  CorpusCounts counts(kSpecial, 1, 100);
  for (const std::vector<TokenId>& ids :
       {std::vector<TokenId>{1, 12, 2}, {1, 10, 2}, {1, 10, 11, 10, 2}, {1, 14, 15, 10, 13, 2}})
    counts.add(Encoding{ids, {}, {}}, std::nullopt);
  for (const std::vector<TokenId>& text : counts.kept()) f.log_odds(text);
  const GlobalImportance result = global_importance(f, counts, {});
  CHECK(result.cost.unique_queries == 2 * 6 + 1);
  REQUIRE(result.fidelity);
  CHECK(result.fidelity->n == 4);
  CHECK(result.fidelity->unseen == 2);  // [k] is asked of every token, texts of three and more of none
}

TEST_CASE("global importance: counts, and naive Bayes with twenty occurrences added on either side") {
  FunctionBlackBox f(answer);
  const GlobalImportance result = global_importance(f, corpus(), {});
  const auto token = [&](TokenId id) {
    return *std::ranges::find(result.tokens, id, &GlobalImportance::Token::id);
  };
  CHECK(token(10).count == 3);
  CHECK(token(10).texts == 2);
  CHECK(relative_error(*token(10).naive_bayes, std::log(23.0 / 20.0)) <= 1e-14);
  CHECK(relative_error(*token(12).naive_bayes, std::log(20.0 / 21.0)) <= 1e-14);
  CHECK(std::abs(*token(13).naive_bayes) <= 1e-14);  // once on each side
  CHECK_FALSE(global_importance(f, corpus(false), {}).tokens[0].naive_bayes);
  CHECK(result.texts == 3);
}

TEST_CASE("global importance: the strongest of each sign, and what sets a token apart") {
  FunctionBlackBox f(answer);
  const GlobalImportance result = global_importance(f, corpus(), {});
  const auto positive = result.strongest(1, 2), negative = result.strongest(-1, 10);
  REQUIRE(positive.size() == 2);
  CHECK(positive[0].id == 13);  // 3 e^.2 = 3.66, then 1.5 e^.4 = 2.24
  CHECK(positive[1].id == 10);
  REQUIRE(negative.size() == 2);
  CHECK(negative[0].id == 11);                    // −2 e^−.8 = −.90, then −e^−.3 = −.74
  CHECK(result.strongest(1, 10, 2).size() == 2);  // 10 and 13 occur twice or more
  const GlobalImportance::Token weak{.id = 5, .count = 9, .linear = 2, .naive_bayes = 0.01};
  const GlobalImportance::Token opposite{.id = 5, .count = 9, .linear = 2, .naive_bayes = -0.5};
  const GlobalImportance::Token plain{.id = 5, .count = 9, .linear = 2, .naive_bayes = 0.5};
  CHECK(token_remark(plain, "good").empty());
  CHECK(token_remark(plain, "10") == "digits");
  CHECK(token_remark(weak, "good") == "weak in the corpus");
  CHECK(token_remark(opposite, "good") == "opposite in the corpus");
}

TEST_CASE("global importance: of a large corpus a fixed number of texts is kept") {
  CorpusCounts counts(kSpecial, 1, 4);
  for (int i = 0; i < 3000; ++i) counts.add(Encoding{{1, 10 + i % 5, 2}, {}, {}}, i % 2);
  counts.add(Encoding{{1, 10, 11, 12, 13, 2}, {}, {}}, 0);  // too long to be kept
  CHECK(counts.texts() == 3001);
  CHECK(counts.labelled() == 3001);
  CHECK(std::ssize(counts.kept()) <= CorpusCounts::kMostKept);
  CHECK(std::ssize(counts.kept()) >= CorpusCounts::kMostKept / 4);
  CHECK(counts.tokens().at(13).count == 601);
  CHECK(counts.vocabulary_text() == std::vector<TokenId>{1, 10, 11, 12, 13, 14, 2});
  CHECK_THROWS_AS(CorpusCounts(kSpecial, 1, 4).vocabulary_text(), Error);
  Encoding pair{{1, 10, 2, 11, 2}, {}, {{-1}, {0}, {-1}, {1}, {-1}}};
  CHECK_THROWS_AS(counts.add(pair, 0), Error);
}
