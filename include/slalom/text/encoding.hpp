// A text as a model reads it: token ids, and which bytes of the text each of them stands for.
#pragma once

#include <vector>

#include "slalom/base/index.hpp"

namespace slalom {

/// Where a token comes from: bytes [begin, end) of text `part` (0, or 1 for the second text of a pair), and
/// the number of its word in that text, from 0. A token that the tokenizer added has part −1.
struct TokenPlace {
  int part = -1;
  Index begin = 0, end = 0;
  Index word = -1;
};

/// S tokens, special ones included. Without a tokenizer `places` is empty.
struct Encoding {
  std::vector<TokenId> ids;        // (S)
  std::vector<TokenId> types;      // (S) segment, 0 or 1; empty: all 0
  std::vector<TokenPlace> places;  // (S)
};

}  // namespace slalom
