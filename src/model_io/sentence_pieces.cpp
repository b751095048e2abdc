#include "slalom/model_io/sentence_pieces.hpp"

#include <bit>
#include <cmath>

#include "slalom/base/error.hpp"
#include "slalom/base/files.hpp"
#include "slalom/text/unicode.hpp"

namespace slalom {

namespace {

struct Field {
  std::uint64_t number = 0, value = 0;  // value: of an integer, or the bits of a float
  std::string_view bytes{};             // of a text or message
};

/// The fields of a protobuf message, one after the other.
class Message {
 public:
  Message(std::string_view bytes, const std::string& where) : bytes_(bytes), where_(where) {}

  bool next(Field& field) {
    if (bytes_.empty()) return false;
    const std::uint64_t tag = varint();
    field = {.number = tag >> 3};
    switch (tag & 7) {
      case 0:
        field.value = varint();
        return true;
      case 1:
        take(8);
        return true;
      case 2:
        field.bytes = take(varint());
        return true;
      case 5:
        for (int shift = 0; shift < 32; shift += 8) field.value |= byte() << shift;
        return true;
      default:
        refuse();
    }
  }

 private:
  [[noreturn]] void refuse() const { throw Error(where_ + ": found no SentencePiece model, wanted one"); }

  std::string_view take(std::uint64_t bytes) {
    if (bytes > bytes_.size()) refuse();
    const std::string_view taken = bytes_.substr(0, bytes);
    bytes_.remove_prefix(bytes);
    return taken;
  }
  std::uint64_t byte() { return static_cast<unsigned char>(take(1)[0]); }
  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const std::uint64_t next = byte();
      value |= (next & 0x7F) << shift;
      if (next < 0x80) return value;
    }
    refuse();
  }

  std::string_view bytes_;
  const std::string& where_;
};

// The numbers of fields are those of sentencepiece_model.proto.

std::pair<std::string, double> parse_piece(std::string_view message, const std::string& where) {
  std::pair<std::string, double> piece;
  Message fields(message, where);
  for (Field f; fields.next(f);) {
    if (f.number == 1) piece.first = f.bytes;
    if (f.number == 2) piece.second = std::bit_cast<float>(static_cast<std::uint32_t>(f.value));
  }
  require_utf8(piece.first, where);
  if (!std::isfinite(piece.second)) throw Error(where + ": found a score that is not finite");
  return piece;
}

void parse_training(std::string_view message, const std::string& where, SentencePieces& model) {
  Message fields(message, where);
  for (Field f; fields.next(f);) {
    if (f.number == 3 && f.value != 1)
      throw Error(concat(where, ": found the model type ", f.value, " of SentencePiece, wanted 1, Unigram"));
    if (f.number == 40) model.unk = static_cast<std::int64_t>(f.value);
    if (f.number == 35) model.byte_fallback = f.value != 0;
  }
}

bool ends_in_digit_and_comma(std::string_view piece) {
  return piece.size() >= 2 && piece.ends_with(',') && piece[piece.size() - 2] >= '0' &&
         piece[piece.size() - 2] <= '9';
}

/// As Hugging Face's converters number them: fairseq's special tokens first, the mask at the end.
void number_pieces(const std::string& where, SentencePieces& model) {
  auto& pieces = model.pieces;
  if (model.family == TokenizerFamily::albert) {
    for (auto& [piece, score] : pieces)
      if (ends_in_digit_and_comma(piece)) score -= 100;
    return;
  }
  const bool camembert = model.family == TokenizerFamily::camembert;
  const std::ptrdiff_t left_out = camembert ? 1 : 3;
  if (pieces.size() < 3)
    throw Error(concat(where, ": found ", pieces.size(), " pieces, wanted <unk>, <s>, </s> and others"));
  std::vector<std::pair<std::string, double>> numbered = {
      {"<s>", 0}, {"<pad>", 0}, {"</s>", 0}, {"<unk>", 0}};
  if (camembert)
    numbered = {{"<s>NOTUSED", 0}, {"<pad>", 0}, {"</s>NOTUSED", 0}, {"<unk>", 0}, {"<unk>NOTUSED", -100}};
  numbered.insert(numbered.end(), pieces.begin() + left_out, pieces.end());
  numbered.emplace_back("<mask>", 0);
  pieces = std::move(numbered);
  model.unk = 3;
}

}  // namespace

SentencePieces parse_sentence_pieces(std::string_view source, const std::string& where) {
  SentencePieces model;
  Message fields(source, where);
  for (Field f; fields.next(f);) {
    if (f.number == 1) model.pieces.push_back(parse_piece(f.bytes, where));
    if (f.number == 2) parse_training(f.bytes, where, model);
    if (f.number != 3) continue;
    Message normalizer(f.bytes, where);
    for (Field g; normalizer.next(g);)
      if (g.number == 2) model.character_map = g.bytes;
  }
  if (model.unk < 0 || model.unk >= std::ssize(model.pieces))
    throw Error(concat(where, ": found ", model.pieces.size(), " pieces and the unknown one ", model.unk,
                       ", wanted one of them"));
  return model;
}

SentencePieces read_sentence_pieces(const std::string& folder, const std::string& file) {
  const std::string path = concat(folder, "/", file);
  const TokenizerFamily family = read_tokenizer_family(folder, file);
  SentencePieces model = parse_sentence_pieces(read_file(path), path);
  model.family = family;
  number_pieces(path, model);
  return model;
}

}  // namespace slalom
