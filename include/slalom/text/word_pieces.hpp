// WordPiece (BERT, DistilBERT): words by white space and punctuation, then the longest pieces first.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "slalom/base/index.hpp"
#include "slalom/text/vocabulary.hpp"

namespace slalom {

/// Bytes [begin, end) of a word as a token.
struct Piece {
  TokenId id = 0;
  std::size_t begin = 0, end = 0;
};

/// A way to cut a text into words; several cut one after the other.
enum class WordSplit {
  white_space,  // at white space, which goes
  punctuation,  // each punctuation character is a word
  bert,         // both
  word_runs     // runs of word characters, and runs of what is neither that nor white space, which goes
};

struct WordRange {
  std::size_t begin = 0, end = 0;  // bytes of the text
};

/// The words of a text, which is UTF-8. Without splits it is one word.
std::vector<WordRange> split_words(std::string_view text, const std::vector<WordSplit>& splits);

struct WordPieces {
  std::optional<TokenId> unk{};      // for words that the vocabulary has no pieces for
  std::string continuation = "##";   // what a piece inside a word begins with
  Index longest_word = 100;          // characters; longer ones are unknown
  std::vector<TokenId> no_pieces{};  // ascending: tokens that stand in the vocabulary but are no pieces

  /// Appends the pieces of one word: at each place the longest token of the vocabulary. Throws Error for a
  /// word without pieces if there is no unknown-word token.
  void cut_word(std::string_view word, const Vocabulary& vocabulary, std::vector<Piece>& pieces) const;
};

}  // namespace slalom
