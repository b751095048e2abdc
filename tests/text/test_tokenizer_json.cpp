#include "slalom/text/tokenizer_json.hpp"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "../support/error_of.hpp"
#include "slalom/base/error.hpp"

using namespace slalom;

namespace {

/// [UNK] [CLS] [SEP] good movie ##s é, BERT's normaliser, words and surroundings.
Json bert_json() {
  return parse_json(R"({
    "version": "1.0", "truncation": {"max_length": 3}, "padding": null,
    "added_tokens": [
      {"id": 0, "content": "[UNK]", "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true},
      {"id": 1, "content": "[CLS]", "special": true}, {"id": 2, "content": "[SEP]", "special": true},
      {"id": 7, "content": "bad", "single_word": true}],
    "normalizer": {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "strip_accents": null, "lowercase": true},
    "pre_tokenizer": {"type": "BertPreTokenizer"},
    "post_processor": {"type": "TemplateProcessing",
      "single": [{"SpecialToken": {"id": "[CLS]", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": "[SEP]", "type_id": 0}}],
      "pair": [{"SpecialToken": {"id": "[CLS]", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": "[SEP]", "type_id": 0}},
               {"Sequence": {"id": "B", "type_id": 1}}, {"SpecialToken": {"id": "[SEP]", "type_id": 1}}],
      "special_tokens": {"[CLS]": {"id": "[CLS]", "ids": [1], "tokens": ["[CLS]"]}, "[SEP]": {"id": "[SEP]", "ids": [2], "tokens": ["[SEP]"]}}},
    "decoder": {"type": "WordPiece", "prefix": "##"},
    "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 10,
      "vocab": {"[UNK]": 0, "[CLS]": 1, "[SEP]": 2, "good": 3, "movie": 4, "##s": 5, "é": 6}}})",
                    "bert");
}

/// <s> </s> and bytes a, b, Ġ with the merges a b and Ġ ab.
Json roberta_json() {
  return parse_json(R"({
    "added_tokens": [{"id": 0, "content": "<s>", "special": true}, {"id": 1, "content": "</s>", "special": true}],
    "normalizer": null, "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true},
    "post_processor": {"type": "RobertaProcessing", "sep": ["</s>", 1], "cls": ["<s>", 0], "trim_offsets": true, "add_prefix_space": false},
    "model": {"dropout": null, "unk_token": null, "continuing_subword_prefix": "", "end_of_word_suffix": "", "fuse_unk": false,
      "vocab": {"<s>": 0, "</s>": 1, "a": 2, "b": 3, "Ġ": 4, "ab": 5, "Ġab": 6}, "merges": ["a b", "Ġ ab"]}})",
                    "roberta");
}

Tokenizer parsed(const Json& json) {
  return parse_tokenizer(json.dump(), "t.json");
}

/// Tokens of the text, with a space between.
std::string encoded(const Json& json, std::string_view text) {
  const Tokenizer tokenizer = parsed(json);
  std::string out;
  for (const TokenId id : tokenizer.encode(text, "here").ids)
    out += (out.empty() ? "" : " ") + tokenizer.vocabulary().token(id);
  return out;
}

std::string message_of(const Json& json) {
  return test::error_of([&] { parsed(json); });
}

Json changed(Json json, const char* pointer, const char* value) {
  json[Json::json_pointer(pointer)] = parse_json(value, "value");
  return json;
}

}  // namespace

TEST_CASE("tokenizer.json: BERT") {
  const Json json = bert_json();
  CHECK(encoded(json, "Good MOVIEs, bad bads") == "[CLS] good movie ##s [UNK] bad [UNK] [SEP]");
  CHECK(encoded(json, "goodgoodgood") == "[CLS] [UNK] [SEP]");  // 12 characters
  const Tokenizer tokenizer = parsed(json);
  const Encoding pair = tokenizer.encode_pair("good", "movie", "here");
  CHECK(pair.ids == std::vector<TokenId>{1, 3, 2, 4, 2});
  CHECK(pair.types == std::vector<TokenId>{0, 0, 0, 1, 1});
  // "bad" is added, at an id beyond the model: it is no piece of "badbad" or of a word that has it inside
  CHECK(tokenizer.vocabulary().token(7) == "bad");
  CHECK(encoded(changed(json, "/added_tokens/3/single_word", "false"), "bads") == "[CLS] bad [UNK] [SEP]");
}

TEST_CASE("tokenizer.json: normalizers") {
  const Json json = bert_json();
  CHECK(encoded(changed(json, "/normalizer", "null"), "é É") == "[CLS] é [UNK] [SEP]");
  CHECK(encoded(changed(json, "/normalizer/strip_accents", "false"), "É") == "[CLS] é [SEP]");
  CHECK(encoded(changed(json, "/normalizer", R"({"type": "NFC"})"), "e\u0301") == "[CLS] é [SEP]");
  CHECK(
      encoded(
          changed(
              json, "/normalizer",
              R"({"type": "Sequence", "normalizers": [{"type": "NFD"}, {"type": "Lowercase"}, {"type": "StripAccents"}]})"),
          "Góod") == "[CLS] good [SEP]");
  CHECK(message_of(changed(json, "/normalizer", R"({"type": "Nmt"})")) ==
        "t.json: normalizer: field \"type\": found \"Nmt\", wanted BertNormalizer, Lowercase, "
        "StripAccents, NFC, NFD, NFKC, NFKD, Precompiled, Strip, Replace or a Sequence of them");
  CHECK(message_of(
            changed(json, "/normalizer", R"({"type": "Precompiled", "precompiled_charsmap": "AAAA"})")) ==
        "t.json: normalizer: found 3 bytes, wanted a map of characters as SentencePiece has it");
  CHECK(message_of(
            changed(json, "/normalizer", R"({"type": "Precompiled", "precompiled_charsmap": "A*=="})")) ==
        "t.json: normalizer: field \"precompiled_charsmap\": found something else, wanted "
        "base64");
  CHECK(encoded(changed(json, "/normalizer",
                        R"({"type": "Replace", "pattern": {"String": "oo"}, "content": "o"})"),
                "goood") == "[CLS] good [SEP]");
  CHECK(message_of(changed(json, "/normalizer",
                           R"({"type": "Replace", "pattern": {"Regex": "a+"}, "content": ""})")) ==
        "t.json: normalizer: field \"pattern\": found \"a+\", wanted a String, or \" {2,}\"");
  CHECK(message_of(changed(json, "/normalizer/lowercase", "1")) ==
        "t.json: normalizer: field \"lowercase\": found 1 (number), wanted true or false");
}

TEST_CASE("tokenizer.json: pre-tokenizers") {
  const Json json = bert_json();
  CHECK(encoded(changed(json, "/pre_tokenizer", R"({"type": "WhitespaceSplit"})"), "good! movie") ==
        "[CLS] [UNK] movie [SEP]");
  CHECK(encoded(changed(json, "/pre_tokenizer", R"({"type": "Whitespace"})"), "good!? movie") ==
        "[CLS] good [UNK] movie [SEP]");
  CHECK(
      encoded(
          changed(
              json, "/pre_tokenizer",
              R"({"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"}, {"type": "Punctuation"}]})"),
          "good!? movie") == "[CLS] good [UNK] [UNK] movie [SEP]");
  CHECK(encoded(changed(json, "/pre_tokenizer", "null"), "good") == "[CLS] good [SEP]");
  CHECK(encoded(changed(json, "/pre_tokenizer", "null"), "good movie") == "[CLS] [UNK] [SEP]");
  CHECK(message_of(changed(json, "/pre_tokenizer", R"({"type": "Metaspace"})")) ==
        "t.json: model: field \"type\": found \"WordPiece\" behind Metaspace, wanted Unigram");
  CHECK(message_of(changed(json, "/pre_tokenizer", R"({"type": "Punctuation", "behavior": "Removed"})")) ==
        "t.json: pre_tokenizer: field \"behavior\": found \"Removed\", wanted null or \"Isolated\"");
  CHECK(message_of(changed(json, "/pre_tokenizer", R"({"type": "ByteLevel"})")) ==
        "t.json: model: found WordPiece behind the pre-tokenizer ByteLevel, wanted BertPreTokenizer");
}

TEST_CASE("tokenizer.json: RoBERTa and GPT-2, the model's type by its fields") {
  const Json json = roberta_json();
  CHECK(encoded(json, "ab ab") == "<s> ab Ġab </s>");
  CHECK(parsed(json).encode_pair("a", "b", "here").ids == std::vector<TokenId>{0, 2, 1, 1, 3, 1});
  CHECK(encoded(changed(json, "/pre_tokenizer/add_prefix_space", "true"), "ab") == "<s> Ġab </s>");
  CHECK(encoded(changed(json, "/pre_tokenizer/use_regex", "false"), "ab ab") == "<s> ab Ġab </s>");
  CHECK(encoded(changed(json, "/model/merges", R"([["a", "b"]])"), "ab ab") == "<s> ab Ġ ab </s>");
  CHECK(encoded(changed(json, "/model/ignore_merges", "true"), "ab") == "<s> ab </s>");
  CHECK(encoded(changed(json, "/model/unk_token", "\"</s>\""), "xa") == "<s> </s> a </s>");
  CHECK(encoded(json, "xa") == "<s> a </s>");  // a byte without a token is left out
  const Json bare = changed(json, "/post_processor", R"({"type": "ByteLevel"})");
  CHECK(encoded(bare, "ab<s>") == "ab <s>");
  CHECK(parsed(bare).encode_pair("a", "b", "here").types == std::vector<TokenId>{0, 1});
}

TEST_CASE("tokenizer.json: BPE of another kind is refused, field by field") {
  const Json json = roberta_json();
  CHECK(message_of(changed(json, "/pre_tokenizer", R"({"type": "Whitespace"})")) ==
        "t.json: model: found BPE without the pre-tokenizer ByteLevel, wanted ByteLevel alone");
  CHECK(message_of(changed(json, "/model/dropout", "0.1")) ==
        "t.json: model: field \"dropout\": found 0.1, wanted null or 0 or 0.0");
  CHECK(message_of(changed(json, "/model/end_of_word_suffix", "\"</w>\"")) ==
        "t.json: model: field \"end_of_word_suffix\": found \"</w>\", wanted null or \"\"");
  CHECK(message_of(changed(json, "/model/byte_fallback", "true")).find("byte_fallback") != std::string::npos);
  CHECK(message_of(changed(json, "/model/merges/1", "\"a b c\"")) ==
        "t.json: model: field \"merges\"[1]: wanted \"a b\" or [\"a\", \"b\"]");
  CHECK(message_of(changed(json, "/model/merges/1", "\"b b\"")) ==
        "t.json: model: merge 2 of \"b\" and \"b\": the token \"bb\" is not in the vocabulary");
  CHECK(message_of(changed(json, "/model/unk_token", "\"x\"")) ==
        "t.json: model: field \"unk_token\": found \"x\", wanted a token of the vocabulary");
  CHECK(message_of(changed(json, "/model/type", "\"Unigram\"")) ==
        "t.json: model: found Unigram without the pre-tokenizer Metaspace, wanted it, perhaps behind "
        "WhitespaceSplit");
}

TEST_CASE("tokenizer.json: what surrounds a text") {
  const Json json = bert_json();
  const Json bert = changed(json, "/post_processor",
                            R"({"type": "BertProcessing", "sep": ["[SEP]", 2], "cls": ["[CLS]", 1]})");
  CHECK(parsed(bert).encode_pair("good", "good", "here").types == std::vector<TokenId>{0, 0, 0, 1, 1});
  CHECK(encoded(changed(json, "/post_processor", "null"), "good") == "good");
  const Json two =
      changed(json, "/post_processor", R"({"type": "Sequence", "processors": [{"type": "ByteLevel"},
      {"type": "BertProcessing", "sep": ["[SEP]", 2], "cls": ["[CLS]", 1]}]})");
  CHECK(encoded(two, "good") == "[CLS] good [SEP]");
  CHECK(encoded(changed(json, "/post_processor/special_tokens/[CLS]/ids", "[1, 1]"), "good") ==
        "[CLS] [CLS] good [SEP]");
  const auto message = [&](const char* pointer, const char* value) {
    return message_of(changed(json, pointer, value));
  };
  CHECK(message("/post_processor/special_tokens/[CLS]/ids", "[70]") ==
        "t.json: post_processor: field \"ids\": found 70, wanted an id from 0 to 7");
  CHECK(message("/post_processor/single/1/Sequence/id", "\"B\"") ==
        "t.json: post_processor: field \"single\": found the text B, wanted A alone");
  CHECK(message("/post_processor/pair/3/Sequence/id", "\"A\"") ==
        "t.json: post_processor: field \"pair\": found not once the text A, wanted each text once");
  CHECK(message("/post_processor/pair/3/Sequence/type_id", "2").find("\"type_id\": found 2") !=
        std::string::npos);
  CHECK(message("/post_processor/type", "\"Other\"").find("found \"Other\", wanted BertProcessing") !=
        std::string::npos);
}

TEST_CASE("tokenizer.json: vocabulary and added tokens must agree") {
  const Json json = bert_json();
  CHECK(message_of(changed(json, "/added_tokens/1/id", "3")) ==
        "t.json: the added token \"[CLS]\" has id 3, and the vocabulary has it as 1");
  CHECK(message_of(changed(json, "/added_tokens/3/id", "9")) ==
        "t.json: found \"bad\" with id 9 and no token with id 7, wanted ids without gaps");
  CHECK(message_of(changed(json, "/model/vocab/é", "-1")) ==
        "t.json: model: vocab: field \"é\": found -1 (number), wanted an integer from 0 to 2147483646");
  CHECK(message_of(changed(json, "/model/vocab/é", "18446744073709551615")).find("field \"é\"") !=
        std::string::npos);
  CHECK(message_of(changed(json, "/model/vocab", "{}")) ==
        "t.json: model: vocab: found no tokens, wanted {\"token\": id, ...}");
  CHECK(message_of(changed(json, "/added_tokens/0", R"({"id": 0})")) ==
        "t.json: added_tokens[0]: field \"content\": missing, wanted a string");
  CHECK_THROWS_AS(parse_tokenizer("[]", "t.json"), Error);
  CHECK_THROWS_AS(parse_tokenizer("{", "t.json"), Error);
}

TEST_CASE("tokenizer.json: the tokens of a model of another kind can be read") {
  const Json json =
      changed(bert_json(), "/model", R"({"type": "Unigram", "vocab": [["a", -1.5], ["b", -2.0]]})");
  const Json unigram = changed(json, "/added_tokens", R"([{"id": 2, "content": "<pad>", "special": true}])");
  const TokenList tokens = parse_token_list(unigram, "t.json");
  CHECK(tokens.vocabulary.token(1) == "b");
  CHECK(tokens.vocabulary.token(2) == "<pad>");
  CHECK(tokens.not_in_model == std::vector<TokenId>{2});
}
