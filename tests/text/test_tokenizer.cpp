#include "slalom/text/tokenizer.hpp"

#include <doctest/doctest.h>

#include "slalom/base/error.hpp"

using namespace slalom;

namespace {

const std::vector<std::string> kPieces = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]",  "cafe", "s",
                                          "##s",   "re",    "##al",  "##ly",  "中",      "国",   "!",
                                          "[",     "]",     "mask",  "new",   "software"};

Tokenizer word_pieces(std::vector<AddedToken> more = {}) {
  TokenizerParts parts{.vocabulary = Vocabulary(kPieces),
                       .normalizer = bert_steps({}),
                       .scheme = WordPieceScheme{.pieces = {.unk = 1}},
                       .around = bert_templates({2}, {3})};
  for (TokenId id = 0; id < 5; ++id)
    parts.added.push_back({.id = id, .content = kPieces[static_cast<std::size_t>(id)], .special = true});
  for (AddedToken& token : more) parts.added.push_back(std::move(token));
  return Tokenizer(std::move(parts));
}

/// Bytes 0 to 255 as tokens, then Ġt, he, Ġthe and <s> </s> <mask>.
Tokenizer byte_pairs(bool prefix_space) {
  std::vector<std::string> tokens;
  for (int b = 0; b < 256; ++b) {
    const char byte = static_cast<char>(b);
    tokens.push_back(to_byte_characters({&byte, 1}));
  }
  for (const char* token : {"Ġt", "he", "Ġthe", "<s>", "</s>", "<mask>"}) tokens.emplace_back(token);
  const Merges merges = {{"h", "e"}, {"Ġ", "t"}, {"Ġt", "he"}};
  const Vocabulary vocabulary(tokens);
  return Tokenizer(
      {.vocabulary = vocabulary,
       .added = {{.id = 259, .content = "<s>"}, {.id = 261, .content = "<mask>", .lstrip = true}},
       .scheme = BytePairScheme{.pairs = BytePairs(vocabulary, merges, {}, "here"),
                                .add_prefix_space = prefix_space},
       .around = roberta_templates({259}, {260})});
}

/// "token@part:begin-end/word"; added tokens are bare.
std::string shown(const Tokenizer& tokenizer, const Encoding& encoding) {
  std::string out;
  REQUIRE(encoding.places.size() == encoding.ids.size());
  REQUIRE(encoding.types.size() == encoding.ids.size());
  for (std::size_t i = 0; i < encoding.ids.size(); ++i) {
    const auto& [part, begin, end, word] = encoding.places[i];
    out += (i == 0 ? "" : " ") + tokenizer.vocabulary().token(encoding.ids[i]);
    if (part >= 0) out += concat("@", part, ":", begin, "-", end, "/", word);
  }
  return out;
}

std::string encoded(const Tokenizer& tokenizer, std::string_view text) {
  return shown(tokenizer, tokenizer.encode(text, "here"));
}

}  // namespace

TEST_CASE("WordPiece: tokens with the bytes and the word they come from") {
  const Tokenizer t = word_pieces();
  CHECK(encoded(t, "Cafés  really!") ==
        "[CLS] cafe@0:0-5/0 ##s@0:5-6/0 re@0:8-10/1 ##al@0:10-12/1 ##ly@0:12-14/1 !@0:14-15/2 [SEP]");
  // the accent as a character of its own (CC 81) belongs to its letter
  CHECK(encoded(t, "cafe\u0301s") == "[CLS] cafe@0:0-6/0 ##s@0:6-7/0 [SEP]");
  CHECK(encoded(t, "") == "[CLS] [SEP]");
  CHECK(encoded(t, " \t\u00A0") == "[CLS] [SEP]");
}

TEST_CASE("WordPiece: places through ideographs, controls and emoji") {
  const Tokenizer t = word_pieces();
  CHECK(encoded(t, "中国s") == "[CLS] 中@0:0-3/0 国@0:3-6/1 s@0:6-7/2 [SEP]");
  // a soft hyphen (C2 AD) inside the word goes, one behind it is no part of it
  CHECK(encoded(t, "soft\u00ADware\u00AD!") == "[CLS] software@0:0-10/0 !@0:12-13/1 [SEP]");
  CHECK(encoded(t, std::string_view("s\0s\a!", 5)) == "[CLS] s@0:0-1/0 ##s@0:2-3/0 !@0:4-5/1 [SEP]");
  // man, joiner, woman: 4 + 3 + 4 bytes, one unknown word
  CHECK(encoded(t, "s 👨\u200D👩 s") == "[CLS] s@0:0-1/0 [UNK]@0:2-13/1 s@0:14-15/2 [SEP]");
}

TEST_CASE("WordPiece: a special token's name in the text becomes that token") {
  const Tokenizer t = word_pieces();
  CHECK(encoded(t, "s[MASK]s [SEP]!") ==
        "[CLS] s@0:0-1/0 [MASK]@0:1-7/1 s@0:7-8/2 [SEP]@0:9-14/3 !@0:14-15/4 [SEP]");
  CHECK(encoded(t, "[mask]") == "[CLS] [@0:0-1/0 mask@0:1-5/1 ]@0:5-6/2 [SEP]");  // but not in other letters
}

TEST_CASE("added tokens of normalised text are found in it, with their bytes of the original") {
  const Tokenizer t = word_pieces({{.id = 17, .content = "Néw", .normalized = true}});
  CHECK(encoded(t, "s NE\u0301Ws") == "[CLS] s@0:0-1/0 new@0:2-7/1 s@0:7-8/2 [SEP]");
  const Tokenizer raw = word_pieces({{.id = 17, .content = "Néw"}});
  CHECK(encoded(raw, "Néws").starts_with("[CLS] new@0:0-4/0 s"));
  CHECK(encoded(raw, "new") == "[CLS] new@0:0-3/0 [SEP]");  // as an ordinary word
}

TEST_CASE("pairs: types and parts") {
  const Tokenizer t = word_pieces();
  const Encoding bert = t.encode_pair("s !", "re", "here");
  CHECK(shown(t, bert) == "[CLS] s@0:0-1/0 !@0:2-3/1 [SEP] re@1:0-2/0 [SEP]");
  CHECK(bert.types == std::vector<TokenId>{0, 0, 0, 0, 1, 1});
  const Tokenizer b = byte_pairs(false);
  const Encoding roberta = b.encode_pair("he", "he", "here");
  CHECK(shown(b, roberta) == "<s> he@0:0-2/0 </s> </s> he@1:0-2/0 </s>");
  CHECK(roberta.types == std::vector<TokenId>(6, 0));
  TokenizerParts bare{.vocabulary = Vocabulary({"a"}), .scheme = WordPieceScheme{}};
  const Encoding plain = Tokenizer(std::move(bare)).encode_pair("a", "a", "here");
  CHECK(plain.ids == std::vector<TokenId>{0, 0});
  CHECK(plain.types == std::vector<TokenId>{0, 1});
}

TEST_CASE("byte pairs: the space before a word is no part of its place") {
  const Tokenizer t = byte_pairs(false);
  CHECK(encoded(t, "the the") == "<s> t@0:0-1/0 he@0:1-3/0 Ġthe@0:4-7/1 </s>");
  CHECK(encoded(t, "he  the ") == "<s> he@0:0-2/0 Ġ@0:2-3/1 Ġthe@0:4-7/2 Ġ@0:7-8/3 </s>");
  CHECK(encoded(t, "") == "<s> </s>");
  // the three bytes of 中 (E4 B8 AD) are three tokens, the space before it is a fourth
  CHECK(encoded(t, "he 中") == "<s> he@0:0-2/0 Ġ@0:2-3/1 ä@0:3-4/1 ¸@0:4-5/1 \u0143@0:5-6/1 </s>");
}

TEST_CASE("byte pairs: a prefix space, once, and only where there is none") {
  const Tokenizer t = byte_pairs(true);
  CHECK(encoded(t, "the") == "<s> Ġthe@0:0-3/0 </s>");
  CHECK(encoded(t, " the") == "<s> Ġthe@0:1-4/0 </s>");
  CHECK(encoded(t, "") == "<s> </s>");
  CHECK(encoded(t, "the<s>the") == "<s> Ġthe@0:0-3/0 <s>@0:3-6/1 Ġthe@0:6-9/2 </s>");
}

TEST_CASE("byte pairs: RoBERTa's mask takes the space before it") {
  const Tokenizer t = byte_pairs(false);
  CHECK(encoded(t, "he <mask> he") == "<s> he@0:0-2/0 <mask>@0:3-9/1 Ġ@0:9-10/2 he@0:10-12/2 </s>");
}

TEST_CASE("byte pairs: long runs take no quadratic time") {
  const Tokenizer t = byte_pairs(false);
  CHECK(t.encode(std::string(300'000, ' '), "here").ids.size() == 300'002);
  CHECK(t.encode(std::string(100'000, 'x') + std::string(100'000, '\n') + "x", "here").ids.size() == 200'003);
}

TEST_CASE("text that is not UTF-8 names its place and its byte") {
  CHECK_THROWS_WITH_AS(word_pieces().encode("ab\xFF", "rows.txt: line 3"),
                       "rows.txt: line 3: byte 3: found 0xFF, wanted UTF-8", Error);
  CHECK_THROWS_WITH_AS(byte_pairs(true).encode_pair("a", "\xE4\xB8", "here"),
                       "here: byte 1: found 0xE4, wanted UTF-8", Error);
}

TEST_CASE("a word without pieces names the text if there is no unknown-word token") {
  const Tokenizer t({.vocabulary = Vocabulary({"a"}), .scheme = WordPieceScheme{}});
  CHECK_THROWS_WITH_AS(
      t.encode("a b", "here"),
      "here: the vocabulary has no pieces for the word \"b\", and no unknown-word token such as "
      "[UNK]",
      Error);
}

TEST_CASE("tokens as readers want them") {
  const Tokenizer pieces = word_pieces();
  CHECK(pieces.readable(7) == "s");
  CHECK(pieces.readable(4) == "[MASK]");
  CHECK(pieces.description() == "WordPiece, lower case");
  const Tokenizer bytes = byte_pairs(false);
  CHECK(bytes.readable(258) == " the");
  CHECK(bytes.readable(261) == "<mask>");
  CHECK(bytes.readable(0xE4) == "\uFFFD");
  CHECK(bytes.description() == "byte-level BPE");
  CHECK_THROWS_AS(bytes.readable(262), Error);
}

TEST_CASE("a tokenizer refuses special tokens that its vocabulary lacks") {
  CHECK_THROWS_WITH_AS(Tokenizer({.vocabulary = Vocabulary({"a"}),
                                  .added = {{.id = 1, .content = "b"}},
                                  .scheme = WordPieceScheme{}}),
                       "[tokenizer] added token 1: wanted an id from 0 to 0", Error);
  CHECK_THROWS_AS(
      Tokenizer(
          {.vocabulary = Vocabulary({"a"}), .scheme = WordPieceScheme{}, .around = bert_templates({7}, {0})}),
      Error);
}
