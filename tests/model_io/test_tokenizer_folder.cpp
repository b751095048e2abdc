#include "slalom/model_io/tokenizer_folder.hpp"

#include <doctest/doctest.h>

#include "../support/temporary_folder.hpp"
#include "slalom/model_io/folder_tokens.hpp"
#include "slalom/model_io/save_tokenizer.hpp"

using namespace slalom;
using test::TemporaryFolder;

namespace {

std::string encoded(const TemporaryFolder& folder, std::string_view text) {
  const Tokenizer tokenizer = load_tokenizer(folder.path).value();
  std::string out;
  for (const TokenId id : tokenizer.encode(text, "here").ids)
    out += (out.empty() ? "" : " ") + tokenizer.vocabulary().token(id);
  return out;
}

std::string encoded_pair(const TemporaryFolder& folder, std::string_view first, std::string_view second) {
  const Tokenizer tokenizer = load_tokenizer(folder.path).value();
  std::string out;
  for (const TokenId id : tokenizer.encode_pair(first, second, "here").ids)
    out += (out.empty() ? "" : " ") + tokenizer.vocabulary().token(id);
  return out;
}

std::string message_for(const TemporaryFolder& folder) {
  try {
    load_tokenizer(folder.path);
  } catch (const Error& e) {
    return std::string(e.what()).substr(folder.path.size() + 1);
  }
  return "no error";
}

void write_bert(const TemporaryFolder& folder) {
  folder.write("vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\ncafe\nCafé\n##s\n中\n中国\n");
}

void write_byte_pairs(const TemporaryFolder& folder) {
  folder.write("vocab.json", R"({"<s>": 0, "<pad>": 1, "</s>": 2, "<unk>": 3, "a": 4, "b": 5, "Ġ": 6, "ab": 7,
                                "Ġab": 8, "<|endoftext|>": 9, "<mask>": 10})");
  folder.write("merges.txt", "#version: 0.2\na b\nĠ ab\n");
}

}  // namespace

TEST_CASE("tokenizer of a folder: there is none without vocabulary files") {
  const TemporaryFolder folder;
  CHECK_FALSE(load_tokenizer(folder.path).has_value());
  CHECK_FALSE(load_tokenizer(folder.path + "/nowhere").has_value());
  folder.write("vocab.json", R"({"a": 0})");
  CHECK_FALSE(load_tokenizer(folder.path).has_value());  // byte pairs need their merges
}

TEST_CASE("vocab.txt: BERT, lower case unless the configuration says otherwise") {
  const TemporaryFolder folder;
  write_bert(folder);
  CHECK(encoded(folder, "Cafés [MASK] x") == "[CLS] cafe ##s [MASK] [UNK] [SEP]");
  CHECK(encoded_pair(folder, "cafe", "cafe") == "[CLS] cafe [SEP] cafe [SEP]");
  folder.write("tokenizer_config.json",
               R"({"do_lower_case": false, "tokenizer_class": "DistilBertTokenizerFast"})");
  CHECK(encoded(folder, "Cafés cafe") == "[CLS] Café ##s cafe [SEP]");
  folder.write("tokenizer_config.json", R"({"do_lower_case": false, "strip_accents": true})");
  CHECK(encoded(folder, "cafés Café") == "[CLS] cafe ##s [UNK] [SEP]");
  folder.write("tokenizer_config.json", R"({"tokenize_chinese_chars": false})");
  CHECK(encoded(folder, "中国") == "[CLS] 中国 [SEP]");
  folder.write("tokenizer_config.json", "{}");
  CHECK(encoded(folder, "中国") == "[CLS] 中 [UNK] [SEP]");
}

TEST_CASE("vocab.txt: special tokens by their names, whatever they are") {
  const TemporaryFolder folder;
  folder.write("vocab.txt", "a\n<begin>\n<end>\n<what>\n[SEP]\n");
  folder.write(
      "special_tokens_map.json",
      R"({"cls_token": "<begin>", "sep_token": {"content": "<end>", "lstrip": true}, "unk_token": "<what>"})");
  CHECK(encoded(folder, "a b") == "<begin> a <what> <end>");
  CHECK(encoded(folder, "a  <end>a") == "<begin> a <end> a <end>");
  folder.write("vocab.txt", "a\n");
  folder.write("special_tokens_map.json", "{}");
  CHECK(encoded(folder, "a a") == "a a");
}

TEST_CASE(
    "tokenizer of a folder: a token that belongs around texts and that the vocabulary lacks is refused") {
  TemporaryFolder folder;
  folder.write("vocab.txt", "[UNK]\n[CLS]\na\n");
  CHECK(message_for(folder) == "no error");  // nobody says that there is a [SEP]
  folder.write("special_tokens_map.json",
               R"({"sep_token": "[END]", "cls_token": "[CLS]", "pad_token": "[NO]"})");
  CHECK(message_for(folder) ==
        "special_tokens_map.json: field \"sep_token\": found \"[END]\", wanted a token of the vocabulary");
  folder.write("special_tokens_map.json", R"({"cls_token": "<s>"})");
  CHECK(message_for(folder) ==
        "special_tokens_map.json: field \"cls_token\": found \"<s>\", wanted a token of the vocabulary");
  TemporaryFolder bytes("bytes");
  bytes.write("vocab.json", R"({"a": 0})");
  bytes.write("merges.txt", "#version: 0.2\n");
  bytes.write("tokenizer_config.json", R"({"tokenizer_class": "RobertaTokenizer", "cls_token": "<s>"})");
  CHECK(message_for(bytes) ==
        "tokenizer_config.json: field \"cls_token\": found \"<s>\", wanted a token of the vocabulary");
  bytes.write("tokenizer_config.json",
              R"({"tokenizer_class": "GPT2Tokenizer", "bos_token": "<s>", "add_bos_token": true})");
  CHECK(message_for(bytes) ==
        "tokenizer_config.json: field \"bos_token\": found \"<s>\", wanted a token of the vocabulary");
}

TEST_CASE("vocab.txt: added tokens") {
  const TemporaryFolder folder;
  write_bert(folder);
  folder.write("added_tokens.json", R"({"NEW": 10, "s t": 11})");
  CHECK(encoded(folder, "newcafe s  t s t") == "[CLS] NEW cafe [UNK] [UNK] s t [SEP]");
  folder.write("added_tokens.json", "{}");
  folder.write("tokenizer_config.json", R"({"added_tokens_decoder": {
    "10": {"content": "<e>", "lstrip": true, "rstrip": true, "normalized": false, "special": true},
    "4": {"content": "[MASK]", "special": true}}})");
  CHECK(encoded(folder, "cafe <e> [MASK]") == "[CLS] cafe <e> [MASK] [SEP]");
  CHECK(read_folder_tokens(folder.path).special.ids() == std::vector<TokenId>{0, 2, 3, 10});
}

TEST_CASE("vocab.json and merges.txt: GPT-2 adds nothing, and texts hold no special tokens") {
  const TemporaryFolder folder;
  write_byte_pairs(folder);
  CHECK(encoded(folder, "ab ab") == "ab Ġab");
  CHECK(encoded_pair(folder, "ab", " ab") == "ab Ġab");
  CHECK(encoded(folder, "a<|endoftext|>b").find("<|endoftext|>") == std::string::npos);
  folder.write("tokenizer_config.json", R"({"tokenizer_class": "GPT2Tokenizer", "add_prefix_space": true})");
  CHECK(encoded(folder, "ab") == "Ġab");
  folder.write("tokenizer_config.json",
               R"({"add_bos_token": true, "bos_token": "<|endoftext|>",
                   "added_tokens_decoder": {"9": {"content": "<|endoftext|>", "special": true}}})");
  CHECK(encoded(folder, "a<|endoftext|>") == "<|endoftext|> a <|endoftext|>");
  CHECK(encoded_pair(folder, "a", "b") == "<|endoftext|> a <|endoftext|> b");
}

TEST_CASE("vocab.json and merges.txt: GPT-2's special tokens in a text where a file names them") {
  const TemporaryFolder folder;
  write_byte_pairs(folder);
  folder.write("special_tokens_map.json", R"({"eos_token": "<|endoftext|>"})");
  CHECK(encoded(folder, "ab<|endoftext|>ab") == "ab <|endoftext|> ab");
}

TEST_CASE("tokenizer.json: the class's settings in tokenizer_config.json go first") {
  const TemporaryFolder folder;
  folder.write("tokenizer.json", R"({
    "normalizer": {"type": "BertNormalizer", "lowercase": true, "strip_accents": null, "handle_chinese_chars": true},
    "pre_tokenizer": {"type": "BertPreTokenizer"},
    "model": {"type": "WordPiece", "unk_token": "[UNK]",
              "vocab": {"[UNK]": 0, "cafe": 1, "Café": 2, "中": 3, "中国": 4}}})");
  CHECK(encoded(folder, "Café 中国") == "cafe 中 [UNK]");
  folder.write("tokenizer_config.json",
               R"({"tokenizer_class": "PreTrainedTokenizerFast", "do_lower_case": false})");
  CHECK(encoded(folder, "Café 中国") == "cafe 中 [UNK]");
  folder.write(
      "tokenizer_config.json",
      R"({"tokenizer_class": "BertTokenizer", "do_lower_case": false, "tokenize_chinese_chars": false})");
  CHECK(encoded(folder, "Café 中国") == "Café 中国");
  folder.write("tokenizer_config.json",
               R"({"tokenizer_class": "BertTokenizerFast", "strip_accents": false})");
  CHECK(encoded(folder, "Café cafe") == "[UNK] cafe");
}

TEST_CASE("a tokenizer that is not read is named") {
  const TemporaryFolder folder;
  write_bert(folder);
  folder.write("bpe.codes", "a b 1\n");
  const std::string refusal = "bpe.codes: found the tokenizer of BERTweet or PhoBERT, which is not read";
  CHECK(message_for(folder) == refusal);
  folder.write("tokenizer.json", "{}");
  CHECK(message_for(folder) == refusal);
}

TEST_CASE("vocab.json and merges.txt: RoBERTa by its class, or by the model's configuration") {
  const TemporaryFolder folder;
  write_byte_pairs(folder);
  for (const char* file : {"tokenizer_config.json", "config.json"}) {
    folder.write("tokenizer_config.json", "{}");
    folder.write(file, R"({"tokenizer_class": "RobertaTokenizer", "model_type": "roberta"})");
    CHECK(encoded(folder, "ab ab") == "<s> ab Ġab </s>");
    CHECK(encoded_pair(folder, "ab", "ab") == "<s> ab </s> </s> ab </s>");
    CHECK(encoded(folder, "a <mask>b") == "<s> a <mask> b </s>");  // the mask takes the space before it
  }
}

TEST_CASE("tokenizer.json and vocab.txt of the same vocabulary give the same ids and places") {
  const TemporaryFolder text("text"), json("json");
  write_bert(text);
  json.write("tokenizer.json", R"({"added_tokens": [
      {"id": 0, "content": "[PAD]", "special": true}, {"id": 1, "content": "[UNK]", "special": true}, {"id": 2, "content": "[CLS]", "special": true},
      {"id": 3, "content": "[SEP]", "special": true}, {"id": 4, "content": "[MASK]", "special": true}],
    "normalizer": {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "strip_accents": null, "lowercase": true},
    "pre_tokenizer": {"type": "BertPreTokenizer"},
    "post_processor": {"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]},
    "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100,
      "vocab": {"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "[MASK]": 4, "cafe": 5, "Café": 6, "##s": 7, "中": 8, "中国": 9}}})");
  const Tokenizer a = load_tokenizer(text.path).value(), b = load_tokenizer(json.path).value();
  for (const char* words : {"", "Cafe\u0301s 中国[MASK]s", "x\u200D cafe!"}) {
    const Encoding one = a.encode_pair(words, "cafes", "here"), other = b.encode_pair(words, "cafes", "here");
    CHECK(one.ids == other.ids);
    CHECK(one.types == other.types);
    for (std::size_t i = 0; i < one.ids.size(); ++i) {
      CHECK(one.places[i].begin == other.places[i].begin);
      CHECK(one.places[i].end == other.places[i].end);
      CHECK(one.places[i].word == other.places[i].word);
    }
  }
  CHECK(read_folder_tokens(json.path).special.ids() == read_folder_tokens(text.path).special.ids());
}

TEST_CASE("vocab.txt: without [CLS] and [SEP] where the configuration says null") {
  const TemporaryFolder folder;
  write_bert(folder);
  CHECK(encoded(folder, "cafe") == "[CLS] cafe [SEP]");
  folder.write("tokenizer_config.json", R"({"cls_token": null, "sep_token": null})");
  CHECK(encoded(folder, "cafe") == "cafe");
  CHECK(encoded_pair(folder, "cafe", "cafes") == "cafe cafe ##s");
}

TEST_CASE("frame: the special tokens before and behind a text") {
  const TemporaryFolder folder;
  write_bert(folder);
  CHECK(load_tokenizer(folder.path)->frame() ==
        std::pair<std::vector<TokenId>, std::vector<TokenId>>{{2}, {3}});
  folder.write("tokenizer_config.json", R"({"sep_token": null})");
  CHECK(load_tokenizer(folder.path)->frame() ==
        std::pair<std::vector<TokenId>, std::vector<TokenId>>{{2}, {}});
}

TEST_CASE("word tokenizer: words read as their ids, lower-cased and split as far as that changes none") {
  const TemporaryFolder folder;
  const Vocabulary plain({"[PAD]", "[CLS]", "[SEP]", "[UNK]", "[MASK]", "the", "word1", "[unused0]"});
  save_word_tokenizer(plain, true, true, folder.path);
  CHECK(encoded(folder, "The word1, the WORD1") == "[CLS] the word1 [UNK] the word1 [SEP]");
  const Encoding pair = load_tokenizer(folder.path)->encode_pair("the", "word1", "here");
  CHECK(pair.ids == std::vector<TokenId>{1, 5, 2, 6, 2});
  CHECK(pair.types == std::vector<TokenId>{0, 0, 0, 1, 1});
  CHECK(read_folder_tokens(folder.path).special.ids() == std::vector<TokenId>{0, 1, 2});
  const std::string long_word(150, 'x');
  const Vocabulary odd({"[PAD]", "[CLS]", "[SEP]", "[UNK]", "[MASK]", "The", "can't", long_word});
  folder.write("vocab.txt", "another\n");
  save_word_tokenizer(odd, false, false, folder.path);
  CHECK(encoded(folder, "The can't the " + long_word) == "The can't [UNK] " + long_word);
  const FolderTokens tokens = read_folder_tokens(folder.path);
  CHECK_FALSE(tokens.special.cls);
  CHECK(tokens.special.pad == 0);
  CHECK_THROWS_AS(read_file(folder.file("vocab.txt")), Error);
}

TEST_CASE("copied tokenizer: texts read as before, whatever model the other folder holds") {
  const TemporaryFolder from("from"), to("to");
  write_byte_pairs(from);
  from.write("config.json", R"({"model_type": "roberta"})");
  to.write("config.json", R"({"model_type": "gpt2"})");
  to.write("tokenizer.json", "{}");
  copy_tokenizer(from.path, to.path);
  CHECK(encoded(from, "ab") == "<s> ab </s>");
  CHECK(encoded(to, "ab") == "<s> ab </s>");
  const TemporaryFolder decoder("decoder");
  write_byte_pairs(decoder);
  to.write("config.json", R"({"model_type": "roberta"})");
  copy_tokenizer(decoder.path, to.path);
  CHECK(encoded(to, "ab") == "ab");
  copy_tokenizer(to.path, to.path);
  CHECK(encoded(to, "ab") == "ab");
}

TEST_CASE("tokenizer of a folder: what is not supported is refused with file and field") {
  const TemporaryFolder folder;
  write_bert(folder);
  const auto message = [&](const char* config) {
    folder.write("tokenizer_config.json", config);
    return message_for(folder);
  };
  CHECK(message(R"({"tokenizer_class": "AlbertTokenizer"})") ==
        "tokenizer_config.json: field \"tokenizer_class\": found \"AlbertTokenizer\", wanted one of "
        "BertTokenizer, DistilBertTokenizer, ElectraTokenizer for vocab.txt");
  CHECK(message(R"({"tokenizer_class": "GPT2Tokenizer"})").find("found \"GPT2Tokenizer\"") !=
        std::string::npos);
  CHECK(message(R"({"do_lower_case": "yes"})") ==
        "tokenizer_config.json: field \"do_lower_case\": found \"yes\" (string), wanted true or false");
  CHECK(message(R"({"never_split": ["a"]})").starts_with("tokenizer_config.json: field \"never_split\""));
  CHECK(message(R"({"do_basic_tokenize": false})")
            .starts_with("tokenizer_config.json: field \"do_basic_tokenize\""));
  CHECK(message(R"({"never_split": [], "never_mind": 3})") == "no error");
  CHECK(message(R"({"added_tokens_decoder": {"x": {"content": "a"}}})") ==
        "tokenizer_config.json: added_tokens_decoder: \"x\": wanted an id");
  CHECK(message(R"({"added_tokens_decoder": {"99": {"content": "a"}}})") ==
        "vocab.txt: found \"a\" with id 99 and no token with id 10, wanted ids without gaps");
  CHECK(message("[]") == "tokenizer_config.json: found an array, wanted an object");
  folder.write("tokenizer_config.json", "{}");
  folder.write("tokenizer.json", R"({"model": {"type": "WordLevel", "vocab": {"a": 0}}})");
  CHECK(message_for(folder) ==
        "tokenizer.json: model: field \"type\": found \"WordLevel\", wanted WordPiece, BPE or Unigram");
}

TEST_CASE("vocab.json and merges.txt: errors name file and line") {
  const TemporaryFolder folder;
  write_byte_pairs(folder);
  folder.write("merges.txt", "#version: 0.2\na b\nab\n");
  CHECK(message_for(folder) ==
        "merges.txt: line 3: found \"ab\", wanted two tokens with a space between them");
  folder.write("merges.txt", "b a\n");
  CHECK(message_for(folder) ==
        "merges.txt: merge 1 of \"b\" and \"a\": the token \"ba\" is not in the vocabulary");
  folder.write("tokenizer_config.json", R"({"tokenizer_class": "BertTokenizer"})");
  CHECK(message_for(folder).ends_with(
      "found \"BertTokenizer\", wanted one of GPT2Tokenizer, RobertaTokenizer for vocab.json"));
}
