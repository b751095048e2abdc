// Tokens that are found in a text by their name before it is normalised or cut: special tokens such as
// [MASK], and what was added to a vocabulary later.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "slalom/text/vocabulary.hpp"
#include "slalom/text/word_pieces.hpp"

namespace slalom {

/// The fields of tokenizer.json's "added_tokens".
struct AddedToken {
  TokenId id = 0;
  std::string content;
  bool special = false;
  bool single_word = false;  // not where a word character is next to it
  bool lstrip = false;       // takes the white space before it
  bool rstrip = false;       // and behind it
  bool normalized = false;   // is looked for in the normalised text, by its own normalised name
};

struct AddedMatch {
  std::size_t token = 0;           // place in the list of tokens
  WordRange name;                  // bytes of the text
  std::size_t begin = 0, end = 0;  // with the white space that it takes
};

class AddedTokenFinder {
 public:
  AddedTokenFinder() = default;
  /// `names` (tokens) are looked for; an empty one is found nowhere.
  AddedTokenFinder(std::span<const AddedToken> tokens, const std::vector<std::string>& names);

  bool empty() const { return entries_.empty(); }
  /// From left to right, of several names at one place the longest, never overlapping. A name that is found
  /// but is not a single word hides others in it, too.
  std::vector<AddedMatch> find(std::string_view text) const;

 private:
  struct Entry {
    std::string name;
    std::size_t token;
    bool single_word, lstrip, rstrip;
  };
  const Entry* longest_at(std::string_view text, std::size_t at) const;

  std::vector<Entry> entries_;  // by first byte, longer names first
  std::vector<std::size_t> first_ =
      std::vector<std::size_t>(257, 0);  // entries of byte b: first_[b] … first_[b + 1] − 1
};

/// A token at a given id.
struct NumberedToken {
  TokenId id = 0;
  std::string token;
};

/// The vocabulary of all these, in any order; the same token may come twice with the same id. Throws Error
/// naming `where` and the token unless every id from 0 to the largest has exactly one token.
Vocabulary numbered_vocabulary(std::vector<NumberedToken> tokens, const std::string& where);

}  // namespace slalom
