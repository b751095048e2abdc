#include "slalom/nn/cost.hpp"

#include <doctest/doctest.h>

#include "../support/small_models.hpp"

using namespace slalom;

namespace {

/// 2 layers, D = 4, F = 6, 3 classes.
ClassifierConfig tiny_config(Architecture architecture) {
  ClassifierConfig c = default_config(architecture, 2, 4, 2, 10);
  c.feed_forward = 6;
  c.labels = 3;
  return c;
}

/// Lengths 3 and 2: N = 5 rows, B = 2 texts.
const PackedTexts& two_texts() {
  static const PackedTexts texts{{1, 2, 3, 4, 5}, {0, 3, 5}};
  return texts;
}

}  // namespace

// A product (m, k) (k, n) is 2 m k n operations.
//
//                        first block (5 query rows)         last block (2 query rows)
//   queries, output      2 · 2·5·4·4          =  320        2 · 2·2·4·4          = 128
//   keys, values         2 · 2·5·4·4          =  320        2 · 2·5·4·4          = 320
//   scores, mixtures     2 · 2·(3·3 + 2·2)·4  =  208        2 · 2·(1·3 + 1·2)·4  =  80
//   feed-forward         2 · 2·5·4·6          =  480        2 · 2·2·4·6          = 192
//                                               1328                               720
//   head                 hidden 2·2·4·4 = 64, classes 2·2·4·3 = 48
//
//   in all               1328 + 720 + 64 + 48 = 2160
TEST_CASE("forward_flops: the products of two blocks and the head, counted by hand") {
  const PackedTexts texts = two_texts();
  for (const Architecture a : {Architecture::bert, Architecture::distilbert, Architecture::roberta}) {
    CAPTURE(name(a));
    CHECK(forward_flops(tiny_config(a), texts) == 2160);
    CHECK(training_flops(tiny_config(a), texts) == 6480);  // 3 · 2160
  }
}

TEST_CASE("forward_flops: without feed-forward layers") {
  ClassifierConfig config = tiny_config(Architecture::bert);
  config.feed_forward_on = false;
  CHECK(forward_flops(config, two_texts()) == 1488);  // 2160 − 480 − 192
  CHECK(training_flops(config, two_texts()) == 4464);
}

TEST_CASE("forward_flops: GPT-2's head has no hidden layer") {
  const ClassifierConfig config = tiny_config(Architecture::gpt2);
  CHECK(forward_flops(config, two_texts()) == 2096);  // 2160 − 64
  CHECK(training_flops(config, two_texts()) == 6288);
}

TEST_CASE("forward_flops: a single block is a last block") {
  ClassifierConfig config = tiny_config(Architecture::bert);
  config.layers = 1;
  CHECK(forward_flops(config, two_texts()) == 832);  // 720 + 64 + 48
}
