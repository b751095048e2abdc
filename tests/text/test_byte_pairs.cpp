#include "slalom/text/byte_pairs.hpp"

#include <doctest/doctest.h>

#include <map>

#include "../support/temporary_file.hpp"
#include "slalom/base/error.hpp"
#include "slalom/base/random.hpp"

using namespace slalom;
using test::TemporaryFile;

namespace {

using Words = std::vector<std::string>;

Words words_of(std::string_view text) {
  Words words;
  for (const WordRange& word : split_gpt2_words(text))
    words.emplace_back(text.substr(word.begin, word.end - word.begin));
  return words;
}

/// The letters of `alphabet` and what the merges make of them.
Vocabulary vocabulary_of(std::string_view alphabet, const Merges& merges) {
  Words tokens;
  for (const char c : alphabet) tokens.push_back(to_byte_characters({&c, 1}));
  for (const auto& [left, right] : merges)
    if (std::ranges::find(tokens, left + right) == tokens.end()) tokens.push_back(left + right);
  return Vocabulary(tokens);
}

Words pieces_of(const BytePairs& pairs, const Vocabulary& vocabulary, std::string_view word) {
  std::vector<Piece> pieces;
  pairs.cut_word(word, vocabulary, pieces);
  Words tokens;
  std::size_t at = 0;
  for (const Piece& p : pieces) {
    CHECK(p.begin == at);
    at = p.end;
    tokens.push_back(vocabulary.token(p.id));
  }
  CHECK(at == word.size());
  return tokens;
}

/// The merge of the lowest rank, everywhere from left to right, until there is none.
Words slow_pieces(const Merges& merges, std::string_view word) {
  std::map<std::pair<std::string, std::string>, std::size_t> rank;
  for (std::size_t r = 0; r < merges.size(); ++r) rank[merges[r]] = r;
  Words parts;
  for (const char c : word) parts.push_back(to_byte_characters({&c, 1}));
  while (true) {
    std::size_t best = merges.size();
    for (std::size_t i = 0; i + 1 < parts.size(); ++i)
      if (const auto found = rank.find({parts[i], parts[i + 1]}); found != rank.end())
        best = std::min(best, found->second);
    if (best == merges.size()) return parts;
    Words next;
    for (std::size_t i = 0; i < parts.size(); ++i)
      if (i + 1 < parts.size() && std::pair(parts[i], parts[i + 1]) == merges[best]) {
        next.push_back(parts[i] + parts[i + 1]);
        ++i;
      } else {
        next.push_back(parts[i]);
      }
    parts = next;
  }
}

}  // namespace

TEST_CASE("bytes as characters: 256 different ones, there and back") {
  CHECK(to_byte_characters(" a\n\x7F") == "ĠaĊġ");
  CHECK(to_byte_characters("é") == "Ã©");
  CHECK(to_byte_characters("\xAD\xFF") == std::string("\u0143ÿ"));
  std::string all;
  for (int b = 0; b < 256; ++b) all += static_cast<char>(b);
  CHECK(from_byte_characters(to_byte_characters(all)) == all);
  CHECK_FALSE(from_byte_characters("a b").has_value());
  CHECK_FALSE(from_byte_characters("中").has_value());
  CHECK_FALSE(from_byte_characters("\xFF").has_value());
}

TEST_CASE("GPT-2's words: contractions, letters, digits, others, each with the space before it") {
  CHECK(words_of("I'll go, don't WE'LL 3rd") ==
        Words{"I", "'ll", " go", ",", " don", "'t", " WE", "'", "LL", " 3", "rd"});
  CHECK(words_of("a  b   ") == Words{"a", " ", " b", "   "});
  CHECK(words_of("a\n\nb \t c") == Words{"a", "\n", "\n", "b", " \t", " c"});
  CHECK(words_of("é中٣½!?") == Words{"é中", "٣½", "!?"});
  CHECK(words_of("a\u00A0b\u180Ec") == Words{"a", "\u00A0", "b", "\u180E", "c"});  // U+180E is no white space
  CHECK(words_of("e\u0301") == Words{"e", "\u0301"});                              // a mark is no letter
  CHECK(words_of("").empty());
}

TEST_CASE("byte pairs: merges in their order") {
  // abab: rank 0 joins a b twice, rank 1 joins the two
  const Merges merges = {{"a", "b"}, {"ab", "ab"}, {"b", "a"}};
  const Vocabulary v = vocabulary_of("ab", merges);
  const BytePairs pairs(v, merges, {}, "here");
  CHECK(pieces_of(pairs, v, "abab") == Words{"abab"});
  CHECK(pieces_of(pairs, v, "bab") == Words{"b", "ab"});  // not ba: ab comes first
  CHECK(pieces_of(pairs, v, "bba") == Words{"b", "ba"});
  CHECK(pieces_of(pairs, v, "ababab") == Words{"abab", "ab"});
  CHECK(pieces_of(pairs, v, "").empty());
}

TEST_CASE("byte pairs: the queue gives what joining everywhere, rank by rank, gives") {
  Rng rng(7, Purpose::test);
  const auto one_of = [&](const Words& tokens) {
    return tokens[rng.below(static_cast<std::uint32_t>(tokens.size()))];
  };
  for (int round = 0; round < 60; ++round) {
    Merges merges;
    Words tokens = {"a", "b", "c"};
    for (int r = 0; r < 12; ++r) {
      const std::string left = one_of(tokens), right = one_of(tokens);
      if (std::ranges::find(merges, std::pair(left, right)) != merges.end() || left.size() + right.size() > 6)
        continue;
      merges.emplace_back(left, right);
      tokens.push_back(left + right);
    }
    const Vocabulary v = vocabulary_of("abc", merges);
    const BytePairs pairs(v, merges, {}, "here");
    std::string word;
    for (int i = 0; i < 30; ++i) word += one_of({"a", "b", "c"});
    CHECK(pieces_of(pairs, v, word) == slow_pieces(merges, word));
  }
}

TEST_CASE("byte pairs: bytes that the vocabulary lacks") {
  const Vocabulary v({"a", "<unk>", "ab"});
  const auto count = [&](BytePairOptions options) {
    std::vector<Piece> pieces;
    BytePairs(v, {}, options, "here").cut_word("xaxxa", v, pieces);
    return pieces.size();
  };
  CHECK(count({}) == 2);                            // a a
  CHECK(count({.unk = 1}) == 5);                    // <unk> a <unk> <unk> a
  CHECK(count({.unk = 1, .fuse_unk = true}) == 4);  // <unk> a <unk> a
  std::vector<Piece> pieces;
  BytePairs(v, {}, {.whole_words_first = true}, "here").cut_word("ab", v, pieces);
  REQUIRE(pieces.size() == 1);
  CHECK(pieces[0].id == 2);
}

TEST_CASE("byte pairs: merges of tokens that are not there are refused") {
  const Vocabulary v({"a", "b"});
  CHECK_THROWS_WITH_AS(BytePairs(v, {{"a", "b"}}, {}, "merges.txt"),
                       "merges.txt: merge 1 of \"a\" and \"b\": the token \"ab\" is not in the vocabulary",
                       Error);
  CHECK_THROWS_AS(BytePairs(v, {{"a", "c"}}, {}, "merges.txt"), Error);
}

TEST_CASE("merges.txt: there and back, and lines that are none") {
  const TemporaryFile file("#version: 0.2\nĠ t\r\nh e");
  CHECK(load_merges(file.path) == Merges{{"Ġ", "t"}, {"h", "e"}});
  save_merges({{"Ġ", "t"}, {"h", "e"}}, file.path);
  CHECK(load_merges(file.path) == Merges{{"Ġ", "t"}, {"h", "e"}});
  const auto message = [&](const char* bytes) {
    file.write(bytes);
    try {
      load_merges(file.path);
    } catch (const Error& e) {
      return std::string(e.what()).substr(file.path.size());
    }
    return std::string("no error");
  };
  CHECK(message("a b\nab\n") == ": line 2: found \"ab\", wanted two tokens with a space between them");
  for (const char* bad : {"a b c\n", "a \n", " a\n", "\n"})
    CHECK(message(bad).starts_with(": line 1: found"));
  CHECK(message("a \xFF\n") == ": line 1: byte 3: found 0xFF, wanted UTF-8");
}

TEST_CASE("byte pairs: a long word without spaces takes no quadratic time") {
  Merges merges;
  for (std::string token = "a"; token.size() <= 64; token += token) merges.emplace_back(token, token);
  const Vocabulary v = vocabulary_of("a", merges);
  const BytePairs pairs(v, merges, {}, "here");
  // 100,003 = 781 * 128 + 35, and 35 = 32 + 2 + 1
  CHECK(pieces_of(pairs, v, std::string(100'003, 'a')).size() == 781 + 3);
}
