#include <doctest/doctest.h>

#include "../support/temporary_folder.hpp"
#include "slalom/base/error.hpp"
#include "slalom/model_io/folder_tokens.hpp"
#include "slalom/model_io/save_tokenizer.hpp"
#include "slalom/model_io/tokenizer_folder.hpp"
#include "slalom/text/train_vocabulary.hpp"

using namespace slalom;
using namespace slalom::test;

namespace {

/// Decodes what a folder's special_ids leave.
struct Decoder {
  Tokenizer tokenizer;
  FolderTokens tokens;
  explicit Decoder(const std::string& folder)
      : tokenizer(load_tokenizer(folder).value()), tokens(read_folder_tokens(folder)) {}
  std::string text(std::vector<TokenId> ids) const {
    std::erase_if(ids, [&](TokenId id) { return tokens.is_special(id); });
    return tokenizer.decode(ids);
  }
  std::string text_of(const std::vector<std::string>& names) const {
    std::vector<TokenId> ids;
    for (const std::string& name : names) ids.push_back(tokenizer.vocabulary().find(name).value());
    return text(ids);
  }
};

/// A folder with a vocabulary of these texts.
struct TrainedFolder : TemporaryFolder {
  TrainedFolder(VocabularyKind kind, const std::vector<std::string>& texts) {
    const VocabularyTraining training{.kind = kind, .size = 400, .min_count = 1};
    WordCounter words(training);
    for (const std::string& text : texts) words.add(text, "here");
    save_tokenizer(train_vocabulary(words.counts(), training), training, path);
  }
};

const std::vector<std::string> kTexts = {
    "a quiet, unforgettable film.", "it isn't the worst; it's \"fine\" (7/10)!",
    "why?  because... naïve 中国 🙂", "don't miss it - we've seen 'it' twice", ""};

}  // namespace

TEST_CASE("decode: word pieces join, words stand apart, punctuation follows its word") {
  const TemporaryFolder folder;
  folder.write("vocab.txt",
               "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nun\n##forget\n##table\nfilm\n.\n,\ndon\n'\nt\n");
  const Decoder d(folder.path);
  CHECK(d.text_of({"[CLS]", "un", "##forget", "##table", "film", ".", "[SEP]", "[PAD]"}) ==
        "unforgettable film.");
  CHECK(d.text_of({"[CLS]", "##forget", "##table", ",", "film"}) == "forgettable, film");
  CHECK(d.text_of({"don", "'", "t", "[MASK]", "[UNK]", "##table"}) == "don't [MASK] [UNK]table");
  CHECK(d.text_of({"[CLS]", "[SEP]"}).empty());
  CHECK(d.text({}).empty());
  CHECK(d.tokenizer.decode(std::vector<TokenId>{2, 8, 3}) == "[CLS] film [SEP]");
  CHECK_THROWS_WITH_AS(d.text({14}), "[tokenizer] token 14: wanted an id from 0 to 13", Error);
}

TEST_CASE("decode: byte-level tokens are their bytes; a part of a character is no character") {
  const TemporaryFolder folder;
  // Ã© is é (C3 A9) in the characters of bytes
  folder.write("vocab.json", R"({"<s>": 0, "</s>": 1, "Ġa": 2, "b": 3, "Ã": 4, "©": 5, "é": 6})");
  folder.write("merges.txt", "#version: 0.2\n");
  folder.write("added_tokens.json", R"({"é": 6})");
  folder.write("special_tokens_map.json", R"({"cls_token": "<s>", "sep_token": "</s>"})");
  const Decoder d(folder.path);
  CHECK(d.text({0, 2, 3, 2, 1}) == " ab a");
  CHECK(d.text({4, 5, 3}) == "éb");
  CHECK(d.text({4, 3}) == "\uFFFDb");
  CHECK(d.text({6, 3}) == "éb");
}

TEST_CASE("decode: what was encoded comes back") {
  const TrainedFolder bytes(VocabularyKind::byte_pair, kTexts);
  const Decoder from_bytes(bytes.path);
  for (const std::string& text : kTexts)
    CHECK(from_bytes.text(from_bytes.tokenizer.encode(text, "here").ids) == text);

  // White space around words is not in their ids: the text comes back up to it, and its ids exactly.
  const TrainedFolder pieces(VocabularyKind::word_piece, kTexts);
  const Decoder from_pieces(pieces.path);
  CHECK(from_pieces.text(from_pieces.tokenizer.encode(kTexts[0], "here").ids) == kTexts[0]);
  for (const std::string& text : kTexts) {
    const std::vector<TokenId> ids = from_pieces.tokenizer.encode(text, "here").ids;
    CHECK(from_pieces.tokenizer.encode(from_pieces.text(ids), "here").ids == ids);
  }
}
