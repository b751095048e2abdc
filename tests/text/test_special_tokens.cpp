#include "slalom/text/special_tokens.hpp"

#include <doctest/doctest.h>

using namespace slalom;

TEST_CASE("special tokens: found by name, recognised by id") {
  const SpecialTokens special = usual_special_tokens(Vocabulary({"[PAD]", "word", "[CLS]", "[SEP]"}));
  CHECK(special.pad == 0);
  CHECK(special.cls == 2);
  CHECK(special.sep == 3);
  CHECK_FALSE(special.unk.has_value());
  CHECK(special.is_special(2));
  CHECK_FALSE(special.is_special(1));
  CHECK(special.ids() == std::vector<TokenId>{0, 2, 3});
  CHECK_FALSE(SpecialTokens{}.is_special(0));
}

TEST_CASE("special tokens: names of RoBERTa and GPT-2; an unknown-word or mask token is part of a text") {
  const SpecialTokens roberta = usual_special_tokens(Vocabulary({"<mask>", "<s>", "</s>", "<unk>", "<pad>"}));
  CHECK(roberta.ids() == std::vector<TokenId>{1, 2, 4});
  CHECK(roberta.mask == 0);
  CHECK(roberta.unk == 3);
  CHECK_FALSE(roberta.is_special(0));
  const SpecialTokens gpt2 = usual_special_tokens(Vocabulary({"a", "<|endoftext|>"}));
  CHECK(gpt2.begin == 1);
  CHECK(gpt2.end == 1);
  CHECK(gpt2.ids() == std::vector<TokenId>{1});
  CHECK(SpecialTokens{.sep = 4, .others = {9, 2, 4}}.ids() == std::vector<TokenId>{2, 4, 9});
}

TEST_CASE("special tokens: wrapping adds what the model has, and keeps memory") {
  const std::vector<TokenId> words = {7, 8};
  CHECK(wrap(words, {.cls = 1, .sep = 2}) == std::vector<TokenId>{1, 7, 8, 2});
  CHECK(wrap(words, {}) == words);
  CHECK(wrap(words, {.sep = 2, .pad = 0}) == std::vector<TokenId>{7, 8, 2});
  CHECK(wrap({}, {.cls = 1, .sep = 2}) == std::vector<TokenId>{1, 2});
  std::vector<TokenId> out = {9, 9, 9, 9, 9};
  const TokenId* before = out.data();
  wrap(words, {.cls = 1}, out);
  CHECK(out == std::vector<TokenId>{1, 7, 8});
  CHECK(out.data() == before);
}
