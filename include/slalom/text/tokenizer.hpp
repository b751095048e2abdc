// Text into token ids exactly as Hugging Face's tokenizers do it for BERT, DistilBERT, RoBERTa and GPT-2
// checkpoints: normalise, split into words, cut words into pieces, add special tokens.
#pragma once

#include <string>
#include <string_view>

#include "slalom/text/encoding.hpp"
#include "slalom/text/vocabulary.hpp"

namespace slalom {

class Tokenizer {
 public:
  /// Throw Error("WHERE: byte N: …") for text that is not UTF-8. Special tokens are added around the text as
  /// the tokenizer's files say; a special token's name within the text becomes that token.
  Encoding encode(std::string_view text, const std::string& where) const;
  Encoding encode_pair(std::string_view first, std::string_view second, const std::string& where) const;

  const Vocabulary& vocabulary() const;
  /// A token as readers want it: "##ing" is "ing", "Ġthe" is " the"; bytes that are no UTF-8 by themselves
  /// become U+FFFD.
  std::string readable(TokenId id) const;
  /// "WordPiece, lower case", "byte-level BPE": one line for a model's card.
  std::string description() const;
};

}  // namespace slalom
