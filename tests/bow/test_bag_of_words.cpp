#include "slalom/bow/bag_of_words.hpp"

#include <doctest/doctest.h>

#include <map>

#include "slalom/base/error.hpp"
#include "small_corpus.hpp"

using namespace slalom;
using test::all_but_zero;
using test::corpus_of;
using test::Text;

TEST_CASE("token counts: a text's distinct tokens, ascending, without special ones") {
  std::vector<TokenCount> bag;
  count_by_token(Text{3, 0, 1, 3, 3, 0, 4}, all_but_zero(5), bag);
  REQUIRE(bag.size() == 3);
  const TokenCount want[] = {{1, 1}, {3, 3}, {4, 1}};
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(bag[i].id == want[i].id);
    CHECK(bag[i].count == want[i].count);
  }
  count_by_token(Text{0, 0}, all_but_zero(5), bag);
  CHECK(bag.empty());
}

TEST_CASE("token counts: occurrences and texts of each label") {
  const CountedTokens tokens = all_but_zero(5);
  CHECK(tokens.vocabulary() == 5);
  CHECK(tokens.size() == 4);
  CHECK_FALSE(tokens.contains(0));
  CHECK(tokens.contains(4));
  const LabelledCounts counts = count_labelled_texts(test::three_reviews(), tokens);
  CHECK(counts.texts == ByLabel{2, 1});
  CHECK(counts.all_texts() == 3);
  CHECK(counts.occurrences == std::vector<ByLabel>{{0, 0}, {1, 2}, {4, 0}, {1, 1}, {0, 0}});
  CHECK(counts.texts_with == std::vector<ByLabel>{{0, 0}, {1, 1}, {2, 0}, {1, 1}, {0, 0}});
  CHECK(counts.document_frequency(1) == 2);
  CHECK(counts.document_frequency(4) == 0);
}

TEST_CASE("token counts: many texts agree with counting by a map") {
  const PackedBatch corpus = test::random_corpus(200, 12, 20, 1);
  const LabelledCounts counts = count_labelled_texts(corpus, all_but_zero(12));
  std::map<std::pair<TokenId, int>, Index> occurrences;
  for (Index b = 0; b < corpus.texts(); ++b)
    for (const TokenId id : corpus.text(b)) ++occurrences[{id, corpus.labels[static_cast<std::size_t>(b)]}];
  for (TokenId id = 1; id < 12; ++id)
    for (const int label : {0, 1})
      CHECK(counts.occurrences[static_cast<std::size_t>(id)][static_cast<std::size_t>(label)] ==
            occurrences[{id, label}]);
}

TEST_CASE("token counts: what is refused") {
  std::vector<TokenCount> bag;
  CHECK_THROWS_WITH_AS(count_by_token(Text{1, 5}, all_but_zero(5), bag),
                       "[bag of words] found id 5, wanted 0 to 4", Error);
  CHECK_THROWS_WITH_AS(count_by_token(Text{-1}, all_but_zero(5), bag),
                       "[bag of words] found id -1, wanted 0 to 4", Error);
  CHECK_THROWS_WITH_AS(count_labelled_texts(corpus_of({{{1}, 0}, {{1}, 2}}), all_but_zero(5)),
                       "[bag of words] text 1 has label 2, wanted 0 or 1", Error);
  CHECK_THROWS_WITH_AS(
      CountedTokens(2, [](TokenId) { return true; }),
      "[bag of words] the vocabulary of 2 tokens has none that is not special, wanted one or more", Error);
}
