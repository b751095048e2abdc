#include "slalom/text/train_vocabulary.hpp"

#include <doctest/doctest.h>

#include <map>

#include "../support/temporary_folder.hpp"
#include "slalom/base/random.hpp"
#include "slalom/model_io/save_tokenizer.hpp"
#include "slalom/model_io/tokenizer_folder.hpp"

using namespace slalom;
using test::TemporaryFolder;

namespace {

using Tokens = std::vector<std::string>;

VocabularyTraining training_of(VocabularyKind kind, Index size, Index min_count = 2) {
  return {.kind = kind, .size = size, .min_count = min_count};
}

TrainedVocabulary trained_on(const Tokens& texts, const VocabularyTraining& training) {
  WordCounter counter(training);
  for (const std::string& text : texts) counter.add(text, "here");
  return train_vocabulary(counter.counts(), training);
}

/// Tokens from `first` on.
Tokens tail(const Vocabulary& vocabulary, TokenId first) {
  Tokens tokens;
  for (TokenId id = first; id < vocabulary.size(); ++id) tokens.push_back(vocabulary.token(id));
  return tokens;
}

/// Counts all pairs anew before every merge.
Merges slow_merges(std::vector<std::pair<Tokens, Index>> words, Index merges, Index min_count) {
  Merges out;
  while (std::ssize(out) < merges) {
    std::map<std::pair<std::string, std::string>, Index> counts;
    for (const auto& [word, count] : words)
      for (std::size_t i = 0; i + 1 < word.size(); ++i) counts[{word[i], word[i + 1]}] += count;
    std::pair<std::string, std::string> best;
    Index most = 0;
    for (const auto& [pair, count] : counts)  // in the order of bytes: the first of the most frequent stays
      if (count > most) std::tie(best, most) = std::pair(pair, count);
    if (most < min_count) break;
    out.push_back(best);
    for (auto& [word, count] : words) {
      Tokens next;
      for (std::size_t i = 0; i < word.size(); ++i)
        if (i + 1 < word.size() && std::pair(word[i], word[i + 1]) == best) {
          next.push_back(word[i] + word[i + 1]);
          ++i;
        } else {
          next.push_back(word[i]);
        }
      word = next;
    }
  }
  return out;
}

}  // namespace

TEST_CASE("counting: words as the tokenizer cuts them") {
  WordCounter pieces(training_of(VocabularyKind::word_piece, 100));
  pieces.add("Café, cafe!", "here");
  using Counts = std::unordered_map<std::string, Index>;
  CHECK(pieces.counts() == Counts{{"!", 1}, {",", 1}, {"cafe", 2}});
  WordCounter pairs(training_of(VocabularyKind::byte_pair, 300));
  pairs.add("é a a", "here");
  CHECK(pairs.counts() == Counts{{"Ã©", 1}, {"Ġa", 2}});
  CHECK_THROWS_AS(pairs.add("\xFF", "here"), Error);
}

TEST_CASE("WordPiece training: special tokens, characters, then pairs by their count") {
  // low 5, lower 2, newest 6, widest 3. Pairs of equal count go by bytes, '#' before letters:
  // e s: 6 + 3 = 9, and s t as often, ##e ##s first; then ##es ##t 9; l o and ##o ##w 7: ##o ##w first;
  // l ##ow 7; then 6: ##e ##w (newest), ##ew ##est, n ##ewest
  const Tokens texts = {"low low low low low lower lower", "newest newest newest newest newest newest",
                        "widest widest widest"};
  const TrainedVocabulary t = trained_on(texts, training_of(VocabularyKind::word_piece, 33));
  const Tokens start = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "d",   "e",  "i",
                        "l",     "n",     "o",     "r",     "s",      "t",   "w",  "##d",
                        "##e",   "##i",   "##o",   "##r",   "##s",    "##t", "##w"};
  REQUIRE(t.vocabulary.size() == 33);
  for (std::size_t i = 0; i < start.size(); ++i)
    CHECK(t.vocabulary.token(static_cast<TokenId>(i)) == start[i]);
  CHECK(tail(t.vocabulary, 23) ==
        Tokens{"##es", "##est", "##ow", "low", "##ew", "##ewest", "newest", "##dest", "##idest", "widest"});
}

TEST_CASE("training: repeated letters, and an early end") {
  // aaaa: the pair a a stands at three places; joined from the left it leaves aa aa, joined again aaaa
  const TrainedVocabulary t = trained_on({"aaaa aaaa"}, training_of(VocabularyKind::word_piece, 100));
  CHECK(tail(t.vocabulary, 7) == Tokens{"##aa", "##aaa", "aaaa"});
  const TrainedVocabulary rare = trained_on({"ab cd"}, training_of(VocabularyKind::word_piece, 100));
  CHECK(rare.merges.empty());
  CHECK(rare.vocabulary.size() == 5 + 4 + 2);
}

TEST_CASE("training: incremental counts give what counting anew gives") {
  Rng rng(3, Purpose::test);
  std::unordered_map<std::string, Index> words;
  std::vector<std::pair<Tokens, Index>> slow;
  for (int w = 0; w < 60; ++w) {
    std::string word;
    Tokens letters;
    for (std::uint32_t i = 0; i < 2 + rng.below(8); ++i) {
      const char c = static_cast<char>('a' + rng.below(3));
      word += c;
      letters.emplace_back(1, c);
    }
    const Index count = 1 + rng.below(4);
    if (words.emplace(word, count).second) slow.emplace_back(letters, count);
  }
  const TrainedVocabulary t = train_vocabulary(words, training_of(VocabularyKind::byte_pair, 257 + 80));
  CHECK(t.merges == slow_merges(slow, 80, 2));
  CHECK(t.merges.size() > 40);
}

TEST_CASE("training: rare characters are left out with their words, and a small size is refused") {
  VocabularyTraining training = training_of(VocabularyKind::word_piece, 100, 1);
  training.characters = 2;
  const TrainedVocabulary t = trained_on({"ab ab ac"}, training);
  CHECK(tail(t.vocabulary, 5) == Tokens{"a", "b", "##b", "ab"});
  CHECK_THROWS_WITH_AS(trained_on({"a"}, training_of(VocabularyKind::byte_pair, 256)),
                       "[vocabulary] size 256: special tokens and single characters alone are 257", Error);
}

TEST_CASE("trained files: load_tokenizer reads them back") {
  const TemporaryFolder folder("trained");
  const Tokens texts = {"Das Größte, das größte Größte!", "the [MASK] the the <|endoftext|>"};
  for (const VocabularyKind kind : {VocabularyKind::word_piece, VocabularyKind::byte_pair}) {
    VocabularyTraining training = training_of(kind, 320);
    training.lower_case = false;
    const TrainedVocabulary t = trained_on(texts, training);
    const std::string path = folder.file(kind == VocabularyKind::word_piece ? "pieces" : "pairs");
    save_tokenizer(t, training, path);
    const std::optional<Tokenizer> tokenizer = load_tokenizer(path);
    REQUIRE(tokenizer.has_value());
    CHECK(tokenizer->vocabulary().size() == t.vocabulary.size());
    Tokens tokens;
    for (const TokenId id : tokenizer->encode("das Größte the", "here").ids)
      tokens.push_back(tokenizer->vocabulary().token(id));
    if (kind == VocabularyKind::word_piece) {
      CHECK(tokens.front() == "[CLS]");
      CHECK(std::ranges::find(tokens, "Größte") != tokens.end());
      CHECK(tokenizer->encode("[MASK]", "here").ids == std::vector<TokenId>{2, 4, 3});
    } else {
      CHECK(tokens == Tokens{"d", "as", "ĠGrÃ¶ÃŁte", "Ġthe"});
      CHECK(tokenizer->encode("<|endoftext|>", "here").ids == std::vector<TokenId>{0});
    }
  }
}
