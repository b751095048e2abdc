#include "slalom/nn/distinct_rows.hpp"

#include <doctest/doctest.h>

#include "../support/compare.hpp"
#include "../support/small_models.hpp"
#include "slalom/nn/predictor.hpp"
#include "slalom/ops/attention.hpp"

using namespace slalom;
using namespace slalom::test;

TEST_CASE("distinct rows are numbered by first occurrence and differ in token, position or type") {
  Arena arena;
  const std::vector<TokenId> token = {7, 7, 9, 7, 7, 9}, position = {0, 1, 1, 0, 1, 2},
                             type = {0, 0, 0, 1, 0, 0};
  const DistinctRows all = distinct_rows(arena, {token, position, type});
  CHECK(std::vector<Index>(all.of_row.begin(), all.of_row.end()) == std::vector<Index>{0, 1, 2, 3, 1, 4});
  CHECK(std::vector<TokenId>(all.keys.position.begin(), all.keys.position.end()) ==
        std::vector<TokenId>{0, 1, 1, 0, 2});
  const DistinctRows bare = distinct_rows(arena, {token, {}, {}});
  CHECK(std::vector<Index>(bare.of_row.begin(), bare.of_row.end()) == std::vector<Index>{0, 0, 1, 0, 0, 1});
  CHECK(bare.keys.position.empty());
}

TEST_CASE("a pass that computes equal rows once gives the logits of one that records every row") {
  for (const Architecture a : kArchitectures)
    for (const Index layers : {1, 2, 3})
      for (const Positions positions : {Positions::learned, Positions::rope, Positions::none}) {
        ClassifierConfig config = small_config(a, layers);
        config.positions = positions;
        Classifier<double> model(config);
        randomise(model, 5);
        PackedTexts texts;  // deletions of one text, and texts of one and two tokens
        for (const std::vector<TokenId>& text : {std::vector<TokenId>{4, 5, 6, 5, 7, 8},
                                                 {4, 6, 5, 7, 8},
                                                 {4, 5, 6, 5, 7},
                                                 {5, 6, 5, 7, 8},
                                                 {4},
                                                 {5},
                                                 {4, 5},
                                                 {5, 4},
                                                 {4, 4}})
          texts.add(text);
        std::vector<double> shared;
        Predictor<double>(model).logits(texts, shared);
        Tape<double> tape;
        const Tensor<double> plain = tape.value(model.forward(tape, texts, {}));
        CHECK(relative_error(shared, plain.span()) <= 1e-13);
      }
}

TEST_CASE("attention reads stored keys and values wherever they lie") {
  // Two texts of three and two rows over four stored rows; one query a text, or all rows.
  const std::vector<Index> stored = {2, 0, 2, 3, 1}, last = {2, 4};
  const PackedTexts texts{std::vector<TokenId>(5), {0, 3, 5}};
  Tape<double> tape(Recording::off);
  const auto filled = [&](Index rows, Index columns) {
    const Tensor<double> t = tape.allocate({rows, columns});
    for (Index i = 0; i < t.size(); ++i) t.data[i] = std::sin(1.7 * static_cast<double>(i));
    return t;
  };
  const Tensor<double> few = filled(4, 8), all = tape.allocate({5, 8});
  for (Index r = 0; r < 5; ++r) std::copy_n(few.row(stored[static_cast<std::size_t>(r)]), 8, all.row(r));
  for (const Mask mask : {Mask::bidirectional, Mask::causal})
    for (const bool every : {true, false}) {
      const QueryRows queries{every ? std::span<const Index>{} : std::span<const Index>(last)};
      const Var q = tape.constant(filled(every ? 5 : 2, 4));
      Tensor<double> patterns[2];
      const Var plain = attention(tape, q, tape.constant(all), texts, 2, mask, {}, queries, &patterns[0]);
      const Var gathered =
          attention(tape, q, tape.constant(few), texts, 2, mask, {}, queries, &patterns[1], {stored});
      CHECK(relative_error(tape.value(gathered).span(), tape.value(plain).span()) <= 1e-14);
      CHECK(relative_error(patterns[1].span(), patterns[0].span()) <= 1e-14);
    }
  const Var q = tape.constant(filled(5, 4)), kv = tape.constant(few);
  Tensor<double>* const none = nullptr;
  const std::vector<Index> outside = {0, 1, 2, 3, 4};
  CHECK_THROWS_AS(attention(tape, q, kv, texts, 2, Mask::causal, {}, {}, none, {outside}), Error);
  Tape<double> recording;
  CHECK_THROWS_AS(attention(recording, recording.constant(filled(5, 4)), recording.constant(few), texts, 2,
                            Mask::causal, {}, {}, none, {stored}),
                  Error);
}
