#include "slalom/model_io/special_tokens.hpp"

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
  CHECK(tokens.markers == std::vector<TokenId>{1, 3, 6});
  CHECK(tokens.special.mask == 5);
  folder.write(
      "special_tokens_map.json",
      R"({"cls_token": "[CLS]", "sep_token": {"content": "<end>", "lstrip": false}, "mask_token": "[MASK]"})");
  tokens = read_folder_tokens(folder.path);
  CHECK(tokens.markers == std::vector<TokenId>{1, 2, 3});
  CHECK(tokens.text(0) == "good");
  CHECK(tokens.text(70) == "70");
  CHECK(tokens.is_marker(2));
  CHECK_FALSE(tokens.is_marker(5));  // a mask stands for something in the text
}

TEST_CASE("folder tokens: vocab.json, and begin and end of text") {
  TemporaryFolder folder;
  folder.write("vocab.json", R"({"a": 1, "<|endoftext|>": 2, "Ġb": 0})");
  folder.write("tokenizer_config.json", R"({"eos_token": "<|endoftext|>", "bos_token": "<|endoftext|>"})");
  const FolderTokens tokens = read_folder_tokens(folder.path);
  CHECK(tokens.text(0) == "Ġb");
  CHECK(tokens.markers == std::vector<TokenId>{2});
  CHECK(read_folder_tokens(folder.path + "/nowhere").markers.empty());
}

TEST_CASE("folder tokens: errors name file and field") {
  TemporaryFolder folder;
  folder.write("vocab.json", R"({"a": 0, "b": 0})");
  CHECK(message_for(folder) == "vocab.json: tokens \"a\" and \"b\" have the same id");
  folder.write("vocab.json", R"({"a": 0, "b": 2})");
  CHECK(message_for(folder).starts_with("vocab.json: field \"b\": found 2"));
  folder.write("vocab.json", "{}");
  CHECK(message_for(folder).starts_with("vocab.json: found no tokens"));
  folder.write("vocab.json", R"({"a": 0})");
  folder.write("special_tokens_map.json", R"({"cls_token": 7})");
  CHECK(message_for(folder).starts_with("special_tokens_map.json: field \"cls_token\": found 7"));
}
