#include "slalom/data/batch.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "../support/allocations.hpp"
#include "slalom/base/error.hpp"

using namespace slalom;

TEST_CASE("batch: texts lie one after the other") {
  PackedBatch batch;
  CHECK(batch.texts() == 0);
  CHECK(batch.rows() == 0);
  batch.add(std::vector<TokenId>{1, 5, 6, 2}, 1);
  batch.add(std::vector<TokenId>{7}, 0);
  CHECK(batch.texts() == 2);
  CHECK(batch.rows() == 5);
  CHECK(batch.begin == std::vector<Index>{0, 4, 5});
  CHECK(batch.labels == std::vector<int>{1, 0});
  CHECK(std::ranges::equal(batch.text(0), std::vector<TokenId>{1, 5, 6, 2}));
  CHECK(std::ranges::equal(batch.text(1), std::vector<TokenId>{7}));
  CHECK_THROWS_WITH_AS(batch.add({}, 0), "[batch] text 2 is empty, wanted a token or more", Error);
  batch.clear();
  CHECK(batch.texts() == 0);
  CHECK(batch.rows() == 0);
  CHECK(batch.begin == std::vector<Index>{0});
}

TEST_CASE("batch: a reserved batch stays off the heap, again and again") {
  const std::vector<TokenId> tokens(10, 3);
  PackedBatch batch;
  batch.reserve(4, 40);
  const std::size_t before = test::allocations();
  for (int round = 0; round < 3; ++round) {
    batch.clear();
    for (int b = 0; b < 4; ++b) batch.add(tokens, b);
  }
  CHECK(test::allocations() == before);
  CHECK(batch.rows() == 40);
}

TEST_CASE("batch: segments are kept for all texts once one has them") {
  PackedBatch batch;
  batch.add(std::vector<TokenId>{5, 6});
  CHECK(batch.types.empty());
  batch.add(std::vector<TokenId>{7, 8, 9}, 1, std::vector<TokenId>{0, 1, 1});
  batch.add(std::vector<TokenId>{4});
  CHECK(batch.types == std::vector<TokenId>{0, 0, 0, 1, 1, 0});
  CHECK(batch.types_of(1)[2] == 1);
  CHECK(batch.types_of(0).empty());
  CHECK(batch.types.size() == 6);
  CHECK_THROWS_AS(batch.add(std::vector<TokenId>{4, 5}, 0, std::vector<TokenId>{1}), Error);
  batch.clear();
  CHECK(batch.types_of(0).empty());
}
