// Text into token ids, and back, exactly as Hugging Face's tokenizers do it for the checkpoints of these
// families: find added tokens, normalise, split into words, cut words into pieces, add special tokens.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "slalom/text/added_tokens.hpp"
#include "slalom/text/byte_pairs.hpp"
#include "slalom/text/encoding.hpp"
#include "slalom/text/normalizer.hpp"
#include "slalom/text/unigram.hpp"
#include "slalom/text/vocabulary.hpp"
#include "slalom/text/word_pieces.hpp"

namespace slalom {

struct WordPieceScheme {
  std::vector<WordSplit> splits = {WordSplit::bert};
  WordPieces pieces;
};

struct BytePairScheme {
  BytePairs pairs;
  bool add_prefix_space = false;  // before a text, or a part of it between added tokens, that has none
  bool splits_words = true;       // without it such a part is one word
};

struct UnigramScheme {
  Unigram model;
  SpacePieces spaces{};
};

/// What surrounds a text, or two.
struct TemplateItem {
  int part = -1;             // 0, 1: the tokens of that text; −1: `ids`
  std::vector<TokenId> ids;  // special tokens
  TokenId type = 0;          // of all of them
};
using Template = std::vector<TemplateItem>;
struct Templates {
  Template single = {{.part = 0}};  // of a text
  Template pair = {{.part = 0}, {.part = 1, .type = 1}};
};
/// [CLS] a [SEP] with type 0, b [SEP] with type 1. Empty lists leave their token out.
Templates bert_templates(const std::vector<TokenId>& cls, const std::vector<TokenId>& sep);
/// <s> a </s></s> b </s>, all of type 0.
Templates roberta_templates(const std::vector<TokenId>& cls, const std::vector<TokenId>& sep);

struct TokenizerParts {
  Vocabulary vocabulary;
  std::vector<AddedToken> added{};  // looked for in a text
  std::vector<NormalizerStep> normalizer{};
  std::variant<WordPieceScheme, BytePairScheme, UnigramScheme> scheme;
  Templates around{};
};

class Tokenizer {
 public:
  /// Throws Error if one of the added tokens or of the templates' ids is not in the vocabulary.
  explicit Tokenizer(TokenizerParts parts);

  /// Throw Error("WHERE: byte N: …") for text that is not UTF-8. Special tokens are added around the text as
  /// the tokenizer's files say; an added token's name within the text becomes that token. A token's place
  /// leaves out the space before a word, unless it is nothing but white space; the tokens of a byte-level
  /// tokenizer may share a character, byte by byte.
  Encoding encode(std::string_view text, const std::string& where) const;
  Encoding encode_pair(std::string_view first, std::string_view second, const std::string& where) const;

  const Vocabulary& vocabulary() const { return parts_.vocabulary; }
  /// The special tokens before and behind a single text.
  std::pair<std::vector<TokenId>, std::vector<TokenId>> frame() const;
  /// A token as readers want it: "##ing" is "ing", "Ġthe" is " the"; bytes that are no UTF-8 by themselves
  /// become U+FFFD.
  std::string readable(TokenId id) const;
  /// The text of all these ids, special ones included, as Hugging Face's tokenizers decode them. WordPiece: a
  /// piece that begins with "##" joins the one before it (at the beginning it only loses its "##"), others
  /// follow a space, and then the spaces before . ? ! , and in contractions go. Unigram: kPieceSpace is a
  /// space, which a text does not begin with. Byte-level: the bytes of all tokens, where runs that are not
  /// UTF-8 (a character's other bytes are gone) become U+FFFD. May be empty. Throws Error for an id that is
  /// not in the vocabulary.
  std::string decode(std::span<const TokenId> ids) const;
  /// "WordPiece, lower case", "byte-level BPE", "Unigram": one line for a model's card.
  std::string description() const;

 private:
  class Reader;

  /// One text without what surrounds it, nor types.
  Encoding read(std::string_view text, int part, const std::string& where) const;
  static Encoding assemble(const Template& around, const Encoding* texts);
  bool is_added(TokenId id) const;
  std::string bytes_of(TokenId id) const;
  std::string joined_pieces(std::span<const TokenId> ids) const;

  TokenizerParts parts_;
  AddedTokenFinder raw_, normalized_;  // by place in parts_.added
};

}  // namespace slalom
