// Byte-level byte-pair encoding (GPT-2, RoBERTa): words, then pairs of pieces joined in the
// order of the merges, from single bytes on. Tokens are written in 256 printable characters, one for each
// byte.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "slalom/text/word_pieces.hpp"

namespace slalom {

/// The characters of the bytes: '!' to '~', U+A1 to U+AC and U+AE to U+FF are themselves, the others are
/// U+100, U+101 … in order; a space is Ġ (U+0120).
const std::array<char32_t, 256>& byte_characters();
std::string to_byte_characters(std::string_view bytes);
/// nullopt if a character stands for no byte.
std::optional<std::string> from_byte_characters(std::string_view token);

/// Both in one number.
inline std::uint64_t pair_key(TokenId left, TokenId right) {
  return std::uint64_t{static_cast<std::uint32_t>(left)} << 32 | static_cast<std::uint32_t>(right);
}

using Merges = std::vector<std::pair<std::string, std::string>>;

/// merges.txt: a pair a line, "Ġ t", after an optional "#version". Throws Error with file and line for a line
/// that is not two tokens with a space between them.
Merges load_merges(const std::string& path);
/// Throws Error if the file cannot be written.
void save_merges(const Merges& merges, const std::string& path);

struct BytePairOptions {
  std::optional<TokenId>
      unk{};              // for bytes that the vocabulary has no token for; without it they are left out
  bool fuse_unk = false;  // one unknown token for neighbouring bytes
  bool whole_words_first = false;  // a word that is a token is not cut
};

class BytePairs {
 public:
  /// Merge r joins its pair before all later ones; of equal pairs the last counts. Throws Error naming
  /// `where` and the merge if one of its tokens, or the joined one, is not in the vocabulary.
  BytePairs(const Vocabulary& vocabulary, const Merges& merges, BytePairOptions options,
            const std::string& where);

  /// Appends the pieces of one word of n bytes: O(n log n).
  void cut_word(std::string_view word, const Vocabulary& vocabulary, std::vector<Piece>& pieces) const;

 private:
  struct Merge {
    std::uint32_t rank;
    TokenId joined;
  };
  struct Symbol;
  const Merge* find(TokenId left, TokenId right) const;
  std::vector<Symbol> symbols_of(std::string_view word) const;
  void join(std::vector<Symbol>& symbols) const;

  std::array<std::optional<TokenId>, 256> byte_tokens_;
  std::unordered_map<std::uint64_t, Merge> merges_;  // by pair_key()
  BytePairOptions options_;
};

/// GPT-2's words: contractions ('s, 't, 're, 've, 'm, 'll, 'd), runs of letters, of numbers and of other
/// characters, each with a space before it, and what other white space is left. They cover the text, which is
/// UTF-8.
std::vector<WordRange> split_gpt2_words(std::string_view text);

}  // namespace slalom
