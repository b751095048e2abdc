#include "slalom/train/training_data.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <numeric>

#include "../support/error_of.hpp"
#include "slalom/base/error.hpp"
#include "slalom/base/random.hpp"

using namespace slalom;

namespace {

/// Row i holds the one token i and has label i % 2.
std::vector<InputRow> numbered_rows(TokenId count) {
  std::vector<InputRow> rows;
  for (TokenId i = 0; i < count; ++i) {
    rows.emplace_back();
    rows.back().ids = {i};
    rows.back().label = i % 2;
    rows.back().line = i + 1;
  }
  return rows;
}

/// The tokens of a whole epoch of numbered rows, asked for in pieces.
std::vector<TokenId> order_of(ShuffledRows& data, Index epoch, Index piece) {
  std::vector<TokenId> order;
  PackedBatch batch;
  for (Index first = 0; first < data.texts_per_epoch(); first += piece) {
    data.fill(epoch, first, std::min(piece, data.texts_per_epoch() - first), batch);
    for (Index b = 0; b < batch.texts(); ++b) {
      CHECK(batch.labels[static_cast<std::size_t>(b)] == batch.text(b).front() % 2);
      order.push_back(batch.text(b).front());
    }
  }
  return order;
}

std::string error_of(std::vector<InputRow> rows) {
  return test::error_of([&] { ShuffledRows(std::move(rows), "rows.jsonl", 0); });
}

}  // namespace

TEST_CASE("FreshTexts: text i of epoch e is text e * texts_per_epoch + i of the source") {
  const BagOfWordsSource source(3);
  const SpecialTokens special = usual_special_tokens(source.vocabulary());
  FreshTexts data(source, special, 50);
  CHECK(data.texts_per_epoch() == 50);
  PackedBatch batch;
  data.fill(4, 0, 50, batch);  // what was asked before must not matter
  data.fill(2, 7, 5, batch);
  REQUIRE(batch.texts() == 5);
  SyntheticText text;
  for (Index b = 0; b < 5; ++b) {
    source.get(2 * 50 + 7 + b, text);
    const std::vector<TokenId> wanted = wrap(text.tokens, special);
    CHECK(std::ranges::equal(batch.text(b), wanted));
    CHECK(wanted.size() == text.tokens.size() + 2);
    CHECK(batch.labels[static_cast<std::size_t>(b)] == text.label);
  }
}

TEST_CASE("FreshTexts: without special tokens the words alone") {
  const SlalomSource source(3);
  FreshTexts data(source, {}, 10);
  PackedBatch batch;
  data.fill(0, 3, 1, batch);
  SyntheticText text;
  source.get(3, text);
  CHECK(batch.ids == text.tokens);
}

TEST_CASE("ShuffledRows: every epoch is a permutation of its own, the same in any batch size") {
  ShuffledRows data(numbered_rows(23), "rows.jsonl", 5), other_seed(numbered_rows(23), "rows.jsonl", 6);
  std::vector<TokenId> all(23);
  std::iota(all.begin(), all.end(), 0);
  const std::vector<TokenId> second = order_of(data, 1, 5), first = order_of(data, 0, 5);
  for (std::vector<TokenId> order : {first, second}) {
    CHECK(order != all);
    std::ranges::sort(order);
    CHECK(order == all);
  }
  CHECK(first != second);
  CHECK(order_of(data, 0, 23) == first);
  CHECK(order_of(other_seed, 0, 5) != first);
}

TEST_CASE("ShuffledRows: the orders of seed 7") {
  // Pinned: a change would make runs on rows of a file differ from those of earlier versions.
  ShuffledRows data(numbered_rows(8), "rows.jsonl", 7);
  using Order = std::vector<TokenId>;
  CHECK(order_of(data, 0, 8) == Order{3, 7, 6, 1, 2, 5, 0, 4});
  CHECK(order_of(data, 1, 8) == Order{6, 1, 5, 2, 7, 3, 0, 4});
}

TEST_CASE("ShuffledRows: in buckets a batch holds texts of neighbouring lengths, and every text comes once") {
  constexpr Index kRows = 50, kBatch = 4, kBatches = 3;
  std::vector<InputRow> rows = numbered_rows(kRows);
  Rng rng(9, Purpose::test);
  for (InputRow& row : rows) row.ids.resize(1 + rng.below(40), row.ids.front());
  ShuffledRows plain(rows, "rows", 3), data(rows, "rows", 3, {kBatch, kBatches});
  const std::vector<TokenId> shuffled = order_of(plain, 1, kBatch), order = order_of(data, 1, kBatch);
  const auto length = [&](TokenId row) { return rows[static_cast<std::size_t>(row)].ids.size(); };
  for (Index first = 0; first < kRows; first += kBatch * kBatches) {
    const Index last = std::min(first + kBatch * kBatches, kRows);
    std::vector<TokenId> bucket(order.begin() + first, order.begin() + last),
        wanted(shuffled.begin() + first, shuffled.begin() + last);
    // Whole batches in order of their shortest texts are the bucket in order of length.
    for (Index b = first; b + kBatch <= last; b += kBatch) {
      CHECK(std::is_sorted(order.begin() + b, order.begin() + b + kBatch,
                           [&](TokenId x, TokenId y) { return length(x) < length(y); }));
      const std::size_t shortest = length(order[static_cast<std::size_t>(b)]),
                        longest = length(order[static_cast<std::size_t>(b + kBatch - 1)]);
      CHECK(std::ranges::count_if(bucket, [&](TokenId row) {
              return length(row) > shortest && length(row) < longest;
            }) <= kBatch - 2);
    }
    std::ranges::sort(bucket);
    std::ranges::sort(wanted);
    CHECK(bucket == wanted);
  }
  CHECK(order == order_of(data, 1, 7));
  CHECK(order != order_of(data, 2, kBatch));
  CHECK_THROWS_WITH_AS(ShuffledRows(rows, "rows", 3, {0, 2}), "batch 0, wanted 1 or more", UsageError);
}

TEST_CASE("ShuffledRows: rows to train on have labels") {
  CHECK(error_of({}) == "rows.jsonl: found no rows to train on");
  std::vector<InputRow> rows = numbered_rows(3);
  rows[1].label.reset();
  CHECK(error_of(rows) == "rows.jsonl: line 2: field \"label\": found nothing, wanted a label");
}
