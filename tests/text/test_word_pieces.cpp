#include "slalom/text/word_pieces.hpp"

#include <doctest/doctest.h>

#include "slalom/base/error.hpp"

using namespace slalom;

namespace {

std::vector<std::string> words_of(std::string_view text, const std::vector<WordSplit>& splits) {
  std::vector<std::string> words;
  for (const WordRange& word : split_words(text, splits))
    words.emplace_back(text.substr(word.begin, word.end - word.begin));
  return words;
}

using Words = std::vector<std::string>;

/// "token[begin,end) …"
std::string pieces_of(const std::string& word, const Vocabulary& vocabulary, const WordPieces& cutter = {}) {
  std::vector<Piece> pieces;
  cutter.cut_word(word, vocabulary, pieces);
  std::string out;
  for (const Piece& p : pieces)
    out += concat(out.empty() ? "" : " ", vocabulary.token(p.id), "[", p.begin, ",", p.end, ")");
  return out;
}

}  // namespace

TEST_CASE("words: white space goes, punctuation stands alone") {
  CHECK(words_of("  it's\u00A0$9.99!! \n", {WordSplit::bert}) ==
        Words{"it", "'", "s", "$", "9", ".", "99", "!", "!"});
  CHECK(words_of("a—b…", {WordSplit::bert}) == Words{"a", "—", "b", "…"});
  CHECK(words_of("", {WordSplit::bert}).empty());
  CHECK(words_of(" \t", {WordSplit::bert}).empty());
}

TEST_CASE("words: the other ways to cut, and two of them together") {
  CHECK(words_of("it's so!? 5", {WordSplit::white_space}) == Words{"it's", "so!?", "5"});
  CHECK(words_of("it's so", {WordSplit::punctuation}) == Words{"it", "'", "s so"});
  CHECK(words_of("it's so!? x_1", {WordSplit::word_runs}) == Words{"it", "'", "s", "so", "!?", "x_1"});
  CHECK(words_of("it's so!?", {WordSplit::white_space, WordSplit::punctuation}) ==
        words_of("it's so!?", {WordSplit::bert}));
  CHECK(words_of("a b", {}) == Words{"a b"});
}

TEST_CASE("word pieces: the longest first") {
  const Vocabulary v({"un", "##aff", "##able", "##a", "una", "##ffable", "##f", "[UNK]"});
  // una beats un, ##ffable then beats ##f
  CHECK(pieces_of("unaffable", v) == "una[0,3) ##ffable[3,9)");
  CHECK(pieces_of("unf", v) == "un[0,2) ##f[2,3)");
  CHECK(pieces_of("", v).empty());
}

TEST_CASE("word pieces: a word that cannot be cut to its end is unknown as a whole") {
  const Vocabulary v({"un", "##a", "[UNK]"});
  CHECK(pieces_of("unax", v, {.unk = 2}) == "[UNK][0,4)");
  CHECK(pieces_of("xun", v, {.unk = 2}) == "[UNK][0,3)");
  CHECK_THROWS_WITH_AS(
      pieces_of("unax", v),
      "the vocabulary has no pieces for the word \"unax\", and no unknown-word token such as "
      "[UNK]",
      Error);
}

TEST_CASE("word pieces: bytes of characters are never parted") {
  const Vocabulary v({"é", "##é", "##中", "\xC3", "##\xA9", "[UNK]"});
  CHECK(pieces_of("éé中", v, {.unk = 5}) == "é[0,2) ##é[2,4) ##中[4,7)");
  CHECK(pieces_of("è", v, {.unk = 5}) == "[UNK][0,2)");
}

TEST_CASE("word pieces: words beyond the longest are unknown, counted in characters") {
  const Vocabulary v({"é", "##é", "[UNK]"});
  std::string word;
  for (int i = 0; i < 100; ++i) word += "é";
  std::vector<Piece> pieces;
  WordPieces{.unk = 2}.cut_word(word, v, pieces);
  CHECK(pieces.size() == 100);
  CHECK(pieces_of(word + "é", v, {.unk = 2}) == "[UNK][0,202)");
  CHECK(pieces_of("éé", v, {.unk = 2, .longest_word = 1}) == "[UNK][0,4)");
}

TEST_CASE("word pieces: another continuation, and tokens that are no pieces") {
  const Vocabulary v({"a", "b", "@b", "ab", "[UNK]"});
  CHECK(pieces_of("ab", v, {.continuation = "@"}) == "ab[0,2)");
  CHECK(pieces_of("ab", v, {.continuation = "@", .no_pieces = {3}}) == "a[0,1) @b[1,2)");
  CHECK(pieces_of("ab", v, {.continuation = "", .no_pieces = {3}}) == "a[0,1) b[1,2)");
}
