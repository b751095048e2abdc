#include "slalom/model_io/folder_tokens.hpp"

#include <doctest/doctest.h>

#include "../support/temporary_folder.hpp"

using namespace slalom;
using namespace slalom::test;

namespace {

std::string message_for(const TemporaryFolder& folder) {
  try {
    read_folder_tokens(folder.path);
  } catch (const Error& e) {
    return std::string(e.what()).substr(folder.path.size() + 1);
  }
  return "no error";
}

}  // namespace

TEST_CASE(
    "folder tokens: the names in special_tokens_map.json are looked up in vocab.txt, whatever their ids") {
  TemporaryFolder folder;
  folder.write("vocab.txt", "good\n[CLS]\n<end>\n[PAD]\n[UNK]\n[MASK]\n[SEP]\n");
  FolderTokens tokens = read_folder_tokens(folder.path);  // nothing but brackets to go by
  CHECK(tokens.special.ids() == std::vector<TokenId>{1, 3, 6});
  CHECK(tokens.special.mask == 5);
  folder.write(
      "special_tokens_map.json",
      R"({"cls_token": "[CLS]", "sep_token": {"content": "<end>", "lstrip": false}, "mask_token": "[MASK]"})");
  tokens = read_folder_tokens(folder.path);
  CHECK(tokens.special.ids() == std::vector<TokenId>{1, 2, 3});
  CHECK(tokens.text(0) == "good");
  CHECK(tokens.text(70) == "70");
  CHECK(tokens.is_special(2));
  CHECK_FALSE(tokens.is_special(5));  // a mask stands for something in the text
}

TEST_CASE("folder tokens: vocab.json, and begin and end of text") {
  TemporaryFolder folder;
  folder.write("vocab.json", R"({"a": 1, "<|endoftext|>": 2, "Ġb": 0})");
  folder.write("tokenizer_config.json", R"({"eos_token": "<|endoftext|>", "bos_token": "<|endoftext|>"})");
  const FolderTokens tokens = read_folder_tokens(folder.path);
  CHECK(tokens.text(0) == "Ġb");
  CHECK(tokens.special.ids() == std::vector<TokenId>{2});
  CHECK(read_folder_tokens(folder.path + "/nowhere").special.ids().empty());
}

TEST_CASE(
    "folder tokens: tokenizer.json has the vocabulary, and its special added tokens are special tokens") {
  TemporaryFolder folder;
  folder.write("vocab.txt", "another\n");
  folder.write("tokenizer.json",
               R"({"model": {"type": "BPE", "vocab": {"<unk>": 0, "<s>": 1, "a": 2}, "merges": []},
    "added_tokens": [{"id": 0, "content": "<unk>", "special": true}, {"id": 1, "content": "<s>", "special": true},
                     {"id": 3, "content": "<turn>", "special": true}, {"id": 4, "content": "word", "special": false},
                     {"id": 5, "content": "<mask>", "special": true}]})");
  const FolderTokens tokens = read_folder_tokens(folder.path);
  CHECK(tokens.text(2) == "a");
  CHECK(tokens.text(3) == "<turn>");
  CHECK(tokens.special.ids() == std::vector<TokenId>{1, 3});
  CHECK(tokens.special.cls == 1);
  CHECK(tokens.special.unk == 0);
  CHECK(tokens.special.mask == 5);
  CHECK(tokens.added.size() == 5);
  folder.write("special_tokens_map.json",
               R"({"mask_token": "<turn>", "additional_special_tokens": ["word"]})");
  CHECK(read_folder_tokens(folder.path).special.ids() == std::vector<TokenId>{1, 4, 5});
}

TEST_CASE("folder tokens: null is none, and what one file does not mention another one says") {
  TemporaryFolder folder;
  folder.write("vocab.txt", "[CLS]\n[SEP]\n[PAD]\n[UNK]\n[MASK]\n<end>\n");
  folder.write("tokenizer_config.json",
               R"({"cls_token": null, "sep_token": "<end>", "mask_token": "<end>"})");
  folder.write("special_tokens_map.json", R"({"mask_token": null})");
  const FolderTokens tokens = read_folder_tokens(folder.path);
  CHECK_FALSE(tokens.special.cls);
  CHECK(tokens.special.sep == 5);
  CHECK_FALSE(tokens.special.mask);
  CHECK(tokens.special.unk == 3);  // by its common name
  CHECK(tokens.special.ids() == std::vector<TokenId>{2, 5});
}

TEST_CASE("folder tokens: padding is the pad token, else tokenizer.json's or config.json's") {
  TemporaryFolder folder;
  CHECK_FALSE(read_folder_tokens(folder.path).padding);
  folder.write("config.json", R"({"pad_token_id": null})");
  CHECK_FALSE(read_folder_tokens(folder.path).padding);
  folder.write("config.json", R"({"pad_token_id": 7})");
  CHECK(read_folder_tokens(folder.path).padding == 7);
  folder.write("tokenizer.json", R"({"model": {"type": "BPE", "vocab": {"a": 0, "<none>": 1}, "merges": []},
                                     "padding": {"pad_id": 1, "pad_token": "<none>"}})");
  CHECK(read_folder_tokens(folder.path).padding == 1);
  folder.write("special_tokens_map.json", R"({"pad_token": "a"})");
  const FolderTokens tokens = read_folder_tokens(folder.path);
  CHECK(tokens.padding == 0);
  CHECK(tokens.special.ids() == std::vector<TokenId>{0});
  folder.write("config.json", R"({"pad_token_id": "a"})");
  folder.write("special_tokens_map.json", R"({"pad_token": null})");
  folder.write("tokenizer.json", R"({"model": {"type": "BPE", "vocab": {"a": 0}, "merges": []}})");
  CHECK(message_for(folder).starts_with("config.json: field \"pad_token_id\": found \"a\""));
}

TEST_CASE("folder tokens: names beside added_tokens_decoder, and tokens of added_tokens.json") {
  TemporaryFolder folder;
  folder.write("vocab.txt", "a\n[CLS]\n");
  folder.write("added_tokens.json", R"({"[SEP]": 2})");
  folder.write("tokenizer_config.json", R"({"cls_token": "a", "sep_token": "[SEP]", "pad_token": "<none>",
    "added_tokens_decoder": {"0": {"content": "a", "special": false}}})");
  const FolderTokens tokens = read_folder_tokens(folder.path);
  CHECK(tokens.special.cls == 0);
  CHECK(tokens.special.sep == 2);
  CHECK(tokens.special.ids() == std::vector<TokenId>{0, 2});
  REQUIRE(tokens.unresolved.size() == 1);
  CHECK(tokens.unresolved[0].field == "pad_token");
  CHECK(tokens.unresolved[0].name == "<none>");
  CHECK(tokens.not_in_model == std::vector<TokenId>{2});
}

TEST_CASE("folder tokens: errors name file and field") {
  TemporaryFolder folder;
  folder.write("vocab.json", R"({"a": 0, "b": 0})");
  CHECK(message_for(folder) == "vocab.json: tokens \"a\" and \"b\" have the same id");
  folder.write("vocab.json", R"({"a": 0, "b": 2})");
  CHECK(message_for(folder) ==
        "vocab.json: found \"b\" with id 2 and no token with id 1, wanted ids without gaps");
  folder.write("vocab.json", R"({"a": 0, "b": -1})");
  CHECK(message_for(folder).starts_with("vocab.json: field \"b\": found -1"));
  folder.write("vocab.json", "{}");
  CHECK(message_for(folder).starts_with("vocab.json: found no tokens"));
  folder.write("vocab.json", R"({"a": 0})");
  folder.write("special_tokens_map.json", R"({"cls_token": 7})");
  CHECK(message_for(folder).starts_with("special_tokens_map.json: field \"cls_token\": found 7"));
  folder.write("special_tokens_map.json", R"(["[CLS]"])");
  CHECK(message_for(folder) == "special_tokens_map.json: found an array, wanted an object");
  folder.write("special_tokens_map.json", R"({"cls_token": ""})");
  CHECK(message_for(folder) ==
        "special_tokens_map.json: cls_token: found an empty token, wanted one that a text can have");
  folder.write("special_tokens_map.json", "{}");
  folder.write("added_tokens.json", R"({"": 1})");
  CHECK(message_for(folder) == "added_tokens.json: found an empty token, wanted one that a text can have");
  folder.write("added_tokens.json", "{}");
  folder.write("tokenizer_config.json", R"({"added_tokens_decoder": {"1": {"content": ""}}})");
  CHECK(
      message_for(folder) ==
      "tokenizer_config.json: added_tokens_decoder: \"1\": found an empty token, wanted one that a text can "
      "have");
  folder.write("tokenizer_config.json", "[]");
  CHECK(message_for(folder) == "tokenizer_config.json: found an array, wanted an object");
}
