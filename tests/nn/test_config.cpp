#include "slalom/nn/config.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "../support/small_models.hpp"
#include "slalom/base/error.hpp"

using namespace slalom;

TEST_CASE("architectures: names there and back") {
  for (const Architecture a : test::kGoldenArchitectures) CHECK(architecture_from_name(name(a)) == a);
  for (const Architecture a : kEveryArchitecture) CHECK(architecture_named(name(a)) == a);
  CHECK_THROWS_WITH_AS(architecture_from_name("albert"),
                       "architecture \"albert\", wanted bert, distilbert, roberta or gpt2", UsageError);
}

TEST_CASE("default_config: Hugging Face's defaults, valid") {
  for (const Architecture a : test::kArchitectures) {
    const ClassifierConfig c = default_config(a, 2, 768, 12, 30522);
    CHECK_NOTHROW(c.validate("test"));
    const bool gpt2 = a == Architecture::gpt2;
    CHECK(c.feed_forward == 3072);
    CHECK(c.max_positions == (gpt2 ? 1024 : 512));
    CHECK(c.layer_norm_eps == (gpt2 ? 1e-5 : 1e-12));
    CHECK(c.read_out == (gpt2 ? ReadOut::last : ReadOut::first));
    CHECK(c.activation == (gpt2 ? Activation::gelu_tanh : Activation::gelu_erf));
    CHECK(c.position_offset() == (a == Architecture::roberta ? 2 : 0));
    CHECK(c.position_rows() == c.max_positions + c.position_offset());
  }
}

TEST_CASE("validate: every field that makes no sense is named with what was wanted") {
  const auto refuses = [](const auto& change, const char* message) {
    ClassifierConfig c = test::small_config(Architecture::bert, 1);
    change(c);
    CHECK_THROWS_WITH_AS(c.validate("here"), message, Error);
  };
  using C = ClassifierConfig;
  refuses([](C& c) { c.layers = 0; }, "here: field \"layers\": found 0, wanted a positive number");
  refuses([](C& c) { c.layers = 1001; }, "here: field \"layers\": found 1001, wanted at most 1000");
  refuses([](C& c) { c.width = -24; }, "here: field \"width\": found -24, wanted a positive number");
  refuses([](C& c) { c.heads = 5; }, "here: field \"heads\": found 5, wanted a divisor of the width 24");
  refuses([](C& c) { c.heads = 0; }, "here: field \"heads\": found 0, wanted a positive number");
  refuses([](C& c) { c.feed_forward = 0; },
          "here: field \"feed_forward\": found 0, wanted a positive number");
  refuses([](C& c) { c.vocabulary = 0; }, "here: field \"vocabulary\": found 0, wanted a positive number");
  refuses([](C& c) { c.max_positions = 0; },
          "here: field \"max_positions\": found 0, wanted a positive number");
  refuses([](C& c) { c.types = 0; }, "here: field \"types\": found 0, wanted a positive number");
  refuses([](C& c) { c.labels = 0; }, "here: field \"labels\": found 0, wanted a positive number");
  refuses([](C& c) { c.layer_norm_eps = 0; },
          "here: field \"layer_norm_eps\": found 0, wanted a number in (0, 1)");
  refuses([](C& c) { c.embedding_dropout = 1; },
          "here: field \"embedding_dropout\": found 1, wanted a rate in [0, 1)");
  refuses([](C& c) { c.attention_dropout = -0.5; },
          "here: field \"attention_dropout\": found -0.5, wanted a rate in [0, 1)");
  refuses([](C& c) { c.hidden_dropout = NAN; },
          "here: field \"hidden_dropout\": found nan, wanted a rate in [0, 1)");
  refuses([](C& c) { c.head_dropout = 2; }, "here: field \"head_dropout\": found 2, wanted a rate in [0, 1)");
  refuses([](C& c) { c.pad_id = 40; }, "here: field \"pad_id\": found 40, wanted an id of the vocabulary");
  refuses([](C& c) { c.label_names = {"one"}; },
          "here: field \"label_names\": found 1, wanted one name a label");
}

TEST_CASE("a classifier of an invalid configuration cannot be made") {
  ClassifierConfig c = test::small_config(Architecture::gpt2, 1);
  c.heads = 7;
  CHECK_THROWS_AS(Classifier<float>{c}, Error);
}
