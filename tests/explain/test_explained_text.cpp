#include "slalom/explain/explained_text.hpp"

#include <doctest/doctest.h>

#include "slalom/base/error.hpp"

using namespace slalom;

namespace {

const auto kSpecial = [](TokenId id) { return id <= 2; };

std::vector<TokenId> ids_of(const PackedBatch& batch, Index b) {
  const auto ids = batch.text(b);
  return {ids.begin(), ids.end()};
}

}  // namespace

TEST_CASE("explained text: special tokens stay, the others are numbered in the order of their ids") {
  const ExplainedText text({1, 9, 5, 2, 9, 2}, kSpecial);
  CHECK(text.players() == 3);
  CHECK(text.positions() == std::vector<Index>{1, 2, 4});
  CHECK(text.distinct() == std::vector<TokenId>{5, 9});
  CHECK(text.tokens() == std::vector<Sample::Token>{1, 0, 1});
  CHECK(text.has_empty_text());
  CHECK_FALSE(ExplainedText({9, 5}, kSpecial).has_empty_text());
  CHECK_THROWS_AS(ExplainedText({1, 2}, kSpecial), Error);
}

TEST_CASE(
    "explained text: absent tokens are deleted or replaced, other texts stand between the special tokens") {
  const ExplainedText text({1, 9, 5, 2, 9, 2}, kSpecial);
  const std::vector<std::uint8_t> some = {0, 1, 0}, none = {0, 0, 0};
  PackedBatch batch;
  text.add_coalition(some, {}, batch);
  text.add_coalition(some, {4}, batch);
  text.add_coalition(none, {}, batch);
  text.add_tokens(std::vector<Sample::Token>{1, 1}, batch);
  text.add_tokens({}, batch);
  CHECK(ids_of(batch, 0) == std::vector<TokenId>{1, 5, 2, 2});
  CHECK(ids_of(batch, 1) == std::vector<TokenId>{1, 4, 5, 2, 4, 2});
  CHECK(ids_of(batch, 2) == std::vector<TokenId>{1, 2, 2});
  CHECK(ids_of(batch, 3) == std::vector<TokenId>{1, 9, 9, 2});
  CHECK(ids_of(batch, 4) == std::vector<TokenId>{1, 2});
  const ExplainedText bare({9, 5}, kSpecial);
  const std::vector<std::uint8_t> nobody = {0, 0};
  CHECK_THROWS_AS(bare.add_coalition(nobody, {}, batch), Error);
  CHECK_NOTHROW(bare.add_coalition(nobody, {4}, batch));
}
