#include "slalom/text/word_pieces.hpp"

#include <algorithm>

#include "slalom/base/error.hpp"
#include "slalom/base/json.hpp"
#include "slalom/text/unicode.hpp"

namespace slalom {

namespace {

bool drops(WordSplit split, char32_t c) {
  return split != WordSplit::punctuation && is_white_space(c);
}

/// A word ends between the two characters.
bool parts(WordSplit split, char32_t before, char32_t after) {
  switch (split) {
    case WordSplit::white_space:
      return false;
    case WordSplit::punctuation:
    case WordSplit::bert:
      return is_punctuation(before) || is_punctuation(after);
    case WordSplit::word_runs:
      return is_word_character(before) != is_word_character(after);
  }
  return false;
}

/// Length in bytes of the longest piece that `text` begins with, beyond its first `least` bytes; 0 if none.
std::size_t longest_piece(std::string_view text, std::size_t least, const Vocabulary& vocabulary,
                          const std::vector<TokenId>& no_pieces, TokenId& id) {
  for (std::size_t length = std::min(text.size(), vocabulary.longest_token()); length > least; --length) {
    const bool inside_character = length < text.size() && (text[length] & 0xC0) == 0x80;
    if (inside_character) continue;
    const std::optional<TokenId> found = vocabulary.find(text.substr(0, length));
    if (!found || std::ranges::binary_search(no_pieces, *found)) continue;
    id = *found;
    return length;
  }
  return 0;
}

}  // namespace

std::vector<WordRange> split_words(std::string_view text, const std::vector<WordSplit>& splits) {
  std::vector<WordRange> words;
  bool open = false;  // the last word may go on
  char32_t before = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t begin = at;
    const char32_t c = next_character(text, at);
    if (std::ranges::any_of(splits, [&](WordSplit s) { return drops(s, c); })) {
      open = false;
      continue;
    }
    if (!open || std::ranges::any_of(splits, [&](WordSplit s) { return parts(s, before, c); }))
      words.push_back({begin, at});
    else
      words.back().end = at;
    open = true;
    before = c;
  }
  return words;
}

void WordPieces::cut_word(std::string_view word, const Vocabulary& vocabulary,
                          std::vector<Piece>& pieces) const {
  const std::size_t before = pieces.size();
  const auto characters = std::ranges::count_if(word, [](char c) { return (c & 0xC0) != 0x80; });
  bool known = characters <= longest_word;
  std::string rest = std::string(word);  // behind the first piece: the continuation and what is left
  std::size_t prefix = 0;                // bytes of the continuation
  for (std::size_t begin = 0; known && begin < word.size();) {
    TokenId id = 0;
    const std::size_t length = longest_piece(rest, prefix, vocabulary, no_pieces, id);
    if (!(known = length > 0)) break;
    pieces.push_back({id, begin, begin + length - prefix});
    begin = pieces.back().end;
    prefix = continuation.size();
    rest.assign(continuation).append(word.substr(begin, vocabulary.longest_token()));
  }
  if (known) return;
  pieces.resize(before);
  if (!unk)
    throw Error(concat("the vocabulary has no pieces for the word ", json_string(word),
                       ", and no unknown-word token such as [UNK]"));
  pieces.push_back({*unk, 0, word.size()});
}

}  // namespace slalom
