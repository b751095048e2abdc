// Unigram (SentencePiece: XLM-RoBERTa, CamemBERT, ALBERT): of all ways to cut a word into pieces the one with
// the largest sum of scores.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "slalom/text/vocabulary.hpp"
#include "slalom/text/word_pieces.hpp"

namespace slalom {

/// What stands for a space in pieces: U+2581.
inline constexpr std::string_view kPieceSpace = "\u2581";

class Unigram {
 public:
  /// `scores` are those of the tokens 0, 1, …, logarithms of probabilities; tokens behind them are no pieces.
  /// A character without a piece is `unk`, with those next to it, or with `byte_fallback` its bytes "<0xE2>"
  /// … if the vocabulary has them.
  Unigram(std::vector<double> scores, std::optional<TokenId> unk, bool byte_fallback);

  /// Appends the pieces of one word, which is UTF-8. Throws Error for a character without a piece if there is
  /// no unknown-word token.
  void cut_word(std::string_view word, const Vocabulary& vocabulary, std::vector<Piece>& pieces) const;

 private:
  bool add_bytes(std::string_view word, Piece unknown, const Vocabulary& vocabulary,
                 std::vector<Piece>& pieces) const;

  std::vector<double> scores_;
  double unknown_score_;
  std::optional<TokenId> unk_;
  bool byte_fallback_;
};

/// How a text becomes words whose spaces are kPieceSpace: each begins with one.
struct SpacePieces {
  bool splits_white_space = false;  // white space between words goes first
  enum class Before { every_word, first_word, none } before = Before::every_word;  // where one is added
  bool splits = true;                                                              // before each kPieceSpace
};

}  // namespace slalom
