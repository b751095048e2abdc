// Unigram tokenizers, whose ids for the golden texts are those of Hugging Face's library.
#include "slalom/model_io/sentence_pieces.hpp"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "../support/error_of.hpp"
#include "../support/temporary_folder.hpp"
#include "slalom/base/error.hpp"
#include "slalom/base/files.hpp"
#include "slalom/base/json.hpp"
#include "slalom/model_io/folder_tokens.hpp"
#include "slalom/model_io/save_tokenizer.hpp"
#include "slalom/model_io/tokenizer_folder.hpp"

using namespace slalom;
using test::TemporaryFolder;

namespace {

const std::string kModel = read_file("tests/golden/unigram/pieces/sentencepiece.bpe.model");

std::string message_of(const std::string& bytes) {
  return test::error_of([&] { parse_sentence_pieces(bytes, "here"); });
}

}  // namespace

TEST_CASE(
    "unigram: the ids of Hugging Face's library, from tokenizer.json and from the SentencePiece model") {
  for (const char* folder : {"tests/golden/unigram/json", "tests/golden/unigram/pieces"}) {
    CAPTURE(std::string(folder));
    const Tokenizer tokenizer = load_tokenizer(folder).value();
    LineReader lines("tests/golden/unigram/texts.jsonl");
    int texts = 0;
    for (std::string line; lines.next(line); ++texts) {
      const Json row = parse_json(line, lines.where());
      CAPTURE(line);
      CHECK(tokenizer.encode(row["text"].get<std::string>(), "here").ids ==
            row["ids"].get<std::vector<TokenId>>());
    }
    CHECK(texts == 18);
    CHECK(tokenizer.description() == "Unigram");
  }
}

TEST_CASE("unigram: tokens know their bytes, and are readable") {
  const Tokenizer tokenizer = load_tokenizer("tests/golden/unigram/pieces").value();
  const std::string text = "the ﬁlms  <mask>";
  const Encoding encoding = tokenizer.encode(text, "here");
  std::string seen, read;
  for (std::size_t i = 0; i < encoding.ids.size(); ++i) {
    const TokenPlace& place = encoding.places[i];
    if (place.part < 0) continue;
    seen += "[" +
            text.substr(static_cast<std::size_t>(place.begin),
                        static_cast<std::size_t>(place.end - place.begin)) +
            "]";
    read += tokenizer.readable(encoding.ids[i]);
  }
  CHECK(seen == "[the][ﬁlms][<mask>]");
  CHECK(read == " the films<mask>");
  CHECK(tokenizer.decode(encoding.ids) == "<s> the films<mask></s>");
}

TEST_CASE("sentence pieces: each family has its own numbers") {
  const TemporaryFolder folder;
  folder.write("sentencepiece.bpe.model", kModel);
  const std::size_t pieces = parse_sentence_pieces(kModel, "here").pieces.size();
  const auto of = [&](const char* tokenizer_class) {
    folder.write("tokenizer_config.json", std::string("{\"tokenizer_class\": \"") + tokenizer_class + "\"}");
    return read_sentence_pieces(folder.path, "sentencepiece.bpe.model");
  };
  const SentencePieces roberta = of("XLMRobertaTokenizerFast"), camembert = of("CamembertTokenizer"),
                       albert = of("AlbertTokenizer");
  CHECK(roberta.pieces.size() == pieces + 2);
  CHECK(roberta.pieces[3].first == "<unk>");
  CHECK(roberta.pieces.back().first == "<mask>");
  CHECK(roberta.unk == 3);
  CHECK(camembert.pieces.size() == pieces + 5);
  CHECK(camembert.pieces[5].first == "<s>");
  CHECK(camembert.unk == 3);
  CHECK(albert.pieces.size() == pieces);
  CHECK(albert.unk == 0);
  CHECK(roberta.pieces[4] == albert.pieces[3]);
  CHECK(read_folder_tokens(folder.path).vocabulary.size() == static_cast<TokenId>(pieces));
  CHECK(test::error_of([&] { of("XLNetTokenizer"); }) ==
        folder.file("tokenizer_config.json") +
            ": field \"tokenizer_class\": found \"XLNetTokenizer\", wanted one of XLMRobertaTokenizer, "
            "CamembertTokenizer, AlbertTokenizer for sentencepiece.bpe.model");
}

TEST_CASE("copied sentence pieces: texts read as before beside a model of another family") {
  const TemporaryFolder from("from"), to("to");
  from.write("sentencepiece.bpe.model", kModel);
  to.write("config.json", R"({"model_type": "distilbert"})");
  for (const char* type : {"camembert", "xlm-roberta"}) {
    from.write("config.json", concat("{\"model_type\": \"", type, "\"}"));
    copy_tokenizer(from.path, to.path);
    CHECK(load_tokenizer(to.path)->encode("the films", "here").ids ==
          load_tokenizer(from.path)->encode("the films", "here").ids);
  }
}

TEST_CASE("sentence pieces: bytes that are no such model") {
  const std::string none = "here: found no SentencePiece model, wanted one";
  CHECK(message_of("") == "here: found 0 pieces and the unknown one 0, wanted one of them");
  CHECK(message_of("\x0a") == none);  // a field without its bytes
  CHECK(message_of("\x0a\x05"
                   "abc") == none);       // a piece of 5 bytes that has 3
  CHECK(message_of("\x0b\x01") == none);  // a kind of field that is none
  CHECK(message_of(std::string(11, '\xFF')) == none);
  CHECK(message_of("\x12\x02\x18\x02") == "here: found the model type 2 of SentencePiece, wanted 1, Unigram");
  CHECK(message_of("\x0a\x03\x0a\x01\xFF").starts_with("here: byte 1: found 0xFF"));
  CHECK(message_of(std::string("\x0a\x05\x15\x00\x00\xC0\x7F", 7)) ==
        "here: found a score that is not finite");
  for (std::size_t n = 0; n < kModel.size(); n += 7)
    CHECK_NOTHROW(message_of(kModel.substr(0, n)));  // an Error or a model, nothing else
}
