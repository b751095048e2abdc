#include "slalom/explain/explained_text.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "slalom/base/error.hpp"

using namespace slalom;

namespace {

const auto kSpecial = [](TokenId id) { return id <= 2; };

std::vector<TokenId> ids_of(const PackedTexts& batch, Index b) {
  const auto ids = batch.text(b);
  return {ids.begin(), ids.end()};
}

}  // namespace

TEST_CASE("explained text: special tokens stay, the others are numbered in the order of their ids") {
  const ExplainedText text({1, 9, 5, 2, 9, 2}, kSpecial);
  CHECK(text.players() == 3);
  CHECK(text.units()[0].first == 1);
  CHECK(text.units()[1].first == 2);
  CHECK(text.units()[2].first == 4);
  CHECK(text.distinct() == 3);  // 5, and 9 on either side of the special token between them
  CHECK(text.tokens() == std::vector<Sample::Token>{1, 0, 2});
  CHECK(text.has_empty_text());
  CHECK_FALSE(ExplainedText({9, 5}, kSpecial).has_empty_text());
  CHECK_THROWS_AS(ExplainedText({1, 2}, kSpecial), Error);
}

TEST_CASE(
    "explained text: absent tokens are deleted or replaced, other texts stand between the special tokens") {
  const ExplainedText text({1, 9, 5, 2, 9, 2}, kSpecial);
  const std::vector<std::uint8_t> some = {0, 1, 0}, none = {0, 0, 0};
  PackedTexts batch;
  text.add_coalition(some, {}, batch);
  text.add_coalition(some, {4}, batch);
  text.add_coalition(none, {}, batch);
  text.add_tokens(std::vector<Sample::Token>{1, 1}, batch);
  text.add_tokens({}, batch);
  CHECK(ids_of(batch, 0) == std::vector<TokenId>{1, 5, 2, 2});
  CHECK(ids_of(batch, 1) == std::vector<TokenId>{1, 4, 5, 2, 4, 2});
  CHECK(ids_of(batch, 2) == std::vector<TokenId>{1, 2, 2});
  CHECK(ids_of(batch, 3) == std::vector<TokenId>{1, 9, 9, 2, 2});
  CHECK(ids_of(batch, 4) == std::vector<TokenId>{1, 2, 2});
  const ExplainedText bare({9, 5}, kSpecial);
  const std::vector<std::uint8_t> nobody = {0, 0};
  CHECK_THROWS_AS(bare.add_coalition(nobody, {}, batch), Error);
  CHECK_NOTHROW(bare.add_coalition(nobody, {4}, batch));
}

namespace {

// [CLS] a1 a2 b [SEP] c a1 a2 [SEP]: two texts, in which a1 a2 are one word.
Encoding pair_of_texts() {
  Encoding e;
  e.ids = {1, 11, 12, 13, 2, 14, 11, 12, 2};
  e.types = {0, 0, 0, 0, 0, 1, 1, 1, 1};
  e.places = {{-1, 0, 0, -1}, {0, 0, 1, 0}, {0, 1, 2, 0}, {0, 3, 4, 1},  {-1, 0, 0, -1},
              {1, 0, 1, 0},   {1, 2, 3, 1}, {1, 3, 4, 1}, {-1, 0, 0, -1}};
  return e;
}

}  // namespace

TEST_CASE("explained text: words are taken away as a whole, and sums are over their tokens") {
  const ExplainedText text(pair_of_texts(), kSpecial, Unit::word);
  REQUIRE(text.players() == 4);
  CHECK(text.units()[0].size == 2);
  CHECK(text.units()[3].first == 6);
  CHECK(text.distinct() == 4);  // a word of the second text is not the same as that of the first
  CHECK(text.summed(std::vector<double>{9, 1, 2, 3, 9, 4, 5, 6, 9}) == std::vector<double>{3, 3, 4, 11});
  const std::vector<double> shown = text.aligned(std::vector<double>{1, 2, 3, 4});
  REQUIRE(shown.size() == 7);  // three special tokens and four words
  CHECK(std::isnan(shown[0]));
  CHECK(shown[1] == 1);
  CHECK(shown[5] == 4);
  PackedTexts batch;
  text.add_coalition(std::vector<std::uint8_t>{0, 1, 1, 0}, {}, batch);
  text.add_coalition(std::vector<std::uint8_t>{0, 1, 1, 1}, {4}, batch);
  CHECK(ids_of(batch, 0) == std::vector<TokenId>{1, 13, 2, 14, 2});
  CHECK(ids_of(batch, 1) == std::vector<TokenId>{1, 4, 4, 13, 2, 14, 11, 12, 2});
  CHECK(std::vector<TokenId>(batch.types_of(0).begin(), batch.types_of(0).end()) ==
        std::vector<TokenId>{0, 0, 0, 1, 1});
  CHECK_THROWS_AS(ExplainedText(Encoding{{1, 9, 2}, {}, {}}, kSpecial, Unit::word), Error);
}

TEST_CASE("explained text: tokens of a pair are asked about in the place of their own text") {
  Encoding bare = pair_of_texts();
  bare.places.clear();  // a row of ids: the segments tell the texts apart
  for (const Encoding& encoding : {pair_of_texts(), bare}) {
    const ExplainedText text(encoding, kSpecial);
    CHECK(text.players() == 6);
    CHECK(text.distinct() == 6);
    // In the order of ids, the first text's before the second's: 11a 11b 12a 12b 13 14.
    CHECK(text.tokens() == std::vector<Sample::Token>{0, 2, 4, 5, 1, 3});
    PackedTexts batch;
    text.add_tokens(std::vector<Sample::Token>{5, 0, 1, 0}, batch);
    text.add_tokens({}, batch);
    CHECK(ids_of(batch, 0) == std::vector<TokenId>{1, 11, 11, 2, 14, 11, 2});
    CHECK(std::vector<TokenId>(batch.types_of(0).begin(), batch.types_of(0).end()) ==
          std::vector<TokenId>{0, 0, 0, 0, 1, 1, 1});
    CHECK(ids_of(batch, 1) == std::vector<TokenId>{1, 2, 2});
  }
}
