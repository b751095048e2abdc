// Tokens that are found in a text by their name before it is normalised or cut: special tokens such as
// [MASK], and what was added to a vocabulary later.
#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "slalom/text/token_list.hpp"
#include "slalom/text/word_pieces.hpp"

namespace slalom {

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

  /// From left to right, of several names at one place the longest, never overlapping; of equal ones a
  /// special token's. A name that is found but is not a single word hides others in it, too.
  std::vector<AddedMatch> find(std::string_view text) const;

 private:
  struct Entry {
    std::string name;
    std::size_t token;
    bool special, single_word, lstrip, rstrip;
  };
  std::array<std::vector<Entry>, 256>
      entries_;  // by first byte, longer names first, of equal names special tokens first
};

}  // namespace slalom
