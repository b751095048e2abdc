#include "slalom/text/train_vocabulary.hpp"

#include <algorithm>
#include <map>
#include <queue>
#include <set>
#include <tuple>

#include "slalom/base/error.hpp"
#include "slalom/text/unicode.hpp"
#include "slalom/text/word_pieces.hpp"

namespace slalom {

WordCounter::WordCounter(const VocabularyTraining& training) : kind_(training.kind) {
  if (kind_ == VocabularyKind::word_piece)
    normalizer_ = bert_steps({.strip_accents = training.lower_case, .lower_case = training.lower_case});
}

void WordCounter::add(std::string_view text, const std::string& where) {
  require_utf8(text, where);
  const bool pieces = kind_ == VocabularyKind::word_piece;
  const std::string normal = normalize(text, 0, normalizer_).bytes;
  for (const WordRange& range : pieces ? split_words(normal, {WordSplit::bert}) : split_gpt2_words(normal)) {
    const std::string word = normal.substr(range.begin, range.end - range.begin);
    ++counts_[pieces ? word : to_byte_characters(word)];
  }
}

namespace {

const std::string kContinuation = "##";

using Words = std::unordered_map<std::string, Index>;
using Pair = std::pair<TokenId, TokenId>;

std::vector<std::string> characters_of(const std::string& word) {
  std::vector<std::string> characters;
  for (std::size_t at = 0; at < word.size();)
    append_utf8(next_character(word, at), characters.emplace_back());
  return characters;
}

class Trainer {
 public:
  Trainer(const Words& words, const VocabularyTraining& training);
  TrainedVocabulary run();

 private:
  struct Word {
    std::vector<TokenId> tokens;
    Index count;
  };
  struct Neighbours {
    Index count = 0;
    std::vector<std::size_t> words{};  // that have, or had, the pair; some more than once
  };
  struct Candidate {
    Index count;
    Pair pair;
  };
  struct Later {
    const std::vector<std::string>* tokens;
    bool operator()(const Candidate& a, const Candidate& b) const {
      const auto text = [&](TokenId id) -> const std::string& {
        return (*tokens)[static_cast<std::size_t>(id)];
      };
      if (a.count != b.count) return a.count < b.count;
      return std::tie(text(a.pair.first), text(a.pair.second)) >
             std::tie(text(b.pair.first), text(b.pair.second));
    }
  };

  bool is_word_piece() const { return training_.kind == VocabularyKind::word_piece; }
  const std::string& text(TokenId id) const { return tokens_[static_cast<std::size_t>(id)]; }
  TokenId put(const std::string& token);
  void begin_with_bytes();
  void begin_with_characters(const Words& words);
  void add_word(const std::string& word, Index count);
  void change(Pair pair, Index change, std::size_t word);
  Candidate most_frequent();
  void join(Pair pair, TokenId joined);
  void join_in_word(Pair pair, TokenId joined, std::size_t word);

  VocabularyTraining training_;
  std::vector<std::string> tokens_;
  std::unordered_map<std::string, TokenId> ids_;
  std::vector<Word> words_;
  std::unordered_map<std::uint64_t, Neighbours> pairs_;
  /// The candidates; a pair whose count has shrunk since is put back when it comes up.
  std::priority_queue<Candidate, std::vector<Candidate>, Later> queue_;
};

Trainer::Trainer(const Words& words, const VocabularyTraining& training)
    : training_(training), queue_(Later{&tokens_}) {
  if (is_word_piece())
    begin_with_characters(words);
  else
    begin_with_bytes();
  if (std::ssize(tokens_) > training.size)
    throw Error(concat("[vocabulary] size ", training.size,
                       ": special tokens and single characters alone are ", tokens_.size()),
                "ask for a larger vocabulary");
  for (const auto& [word, count] : words) add_word(word, count);
}

TokenId Trainer::put(const std::string& token) {
  const auto [place, is_new] = ids_.try_emplace(token, static_cast<TokenId>(tokens_.size()));
  if (is_new) tokens_.push_back(token);
  return place->second;
}

void Trainer::begin_with_bytes() {
  put(kEndOfText);
  const std::set<char32_t> characters(byte_characters().begin(), byte_characters().end());
  for (const char32_t c : characters) {
    std::string token;
    append_utf8(c, token);
    put(token);
  }
}

/// The most frequent characters by their code, then those of them that stand inside words. The order of UTF-8
/// is that of the codes.
void Trainer::begin_with_characters(const Words& words) {
  for (const char* special : {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"}) put(special);
  std::map<std::string, Index> counts;
  std::set<std::string> inside;
  for (const auto& [word, count] : words) {
    const std::vector<std::string> characters = characters_of(word);
    for (const std::string& c : characters) counts[c] += count;
    if (!characters.empty()) inside.insert(characters.begin() + 1, characters.end());
  }
  std::vector<std::pair<Index, std::string>> by_count;
  for (const auto& [c, count] : counts) by_count.emplace_back(-count, c);
  std::ranges::sort(by_count);
  if (std::ssize(by_count) > training_.characters)
    by_count.resize(static_cast<std::size_t>(training_.characters));
  std::ranges::sort(by_count, {}, &std::pair<Index, std::string>::second);
  for (const auto& [count, c] : by_count) put(c);
  for (const auto& [count, c] : by_count)
    if (inside.contains(c)) put(kContinuation + c);
}

/// A word with a character that was left out is unknown whatever the pieces.
void Trainer::add_word(const std::string& word, Index count) {
  std::vector<TokenId> tokens;
  for (const std::string& c : characters_of(word)) {
    const auto known = ids_.find(is_word_piece() && !tokens.empty() ? kContinuation + c : c);
    if (known == ids_.end()) return;
    tokens.push_back(known->second);
  }
  for (std::size_t i = 0; i + 1 < tokens.size(); ++i)
    change({tokens[i], tokens[i + 1]}, count, words_.size());
  words_.push_back({std::move(tokens), count});
}

/// Changes the pair's count because of the word of that number.
void Trainer::change(Pair pair, Index change, std::size_t word) {
  Neighbours& entry = pairs_[pair_key(pair.first, pair.second)];
  entry.count += change;
  if (change < 0) return;
  if (entry.words.empty() || entry.words.back() != word) entry.words.push_back(word);
  queue_.push({entry.count, pair});
}

/// Count 0 if there is none.
Trainer::Candidate Trainer::most_frequent() {
  while (!queue_.empty()) {
    const Candidate top = queue_.top();
    const Index count = pairs_[pair_key(top.pair.first, top.pair.second)].count;
    if (count == top.count && count > 0) return top;
    queue_.pop();
    if (count > 0 && count < top.count) queue_.push({count, top.pair});
  }
  return {0, {}};
}

void Trainer::join(Pair pair, TokenId joined) {
  std::vector<std::size_t> words = std::exchange(pairs_[pair_key(pair.first, pair.second)].words, {});
  std::ranges::sort(words);
  words.erase(std::unique(words.begin(), words.end()), words.end());
  for (const std::size_t word : words) join_in_word(pair, joined, word);
}

/// From left to right, so that the pairs with the neighbour before, which may just have been joined itself,
/// are taken back as they stand by then.
void Trainer::join_in_word(Pair pair, TokenId joined, std::size_t word) {
  auto& [tokens, count] = words_[word];
  std::size_t kept = 0;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (i + 1 == tokens.size() || Pair{tokens[i], tokens[i + 1]} != pair) {
      tokens[kept++] = tokens[i];
      continue;
    }
    change(pair, -count, word);
    if (kept > 0) {
      change({tokens[kept - 1], pair.first}, -count, word);
      change({tokens[kept - 1], joined}, count, word);
    }
    if (i + 2 < tokens.size()) {
      change({pair.second, tokens[i + 2]}, -count, word);
      change({joined, tokens[i + 2]}, count, word);
    }
    tokens[kept++] = joined;
    ++i;
  }
  tokens.resize(kept);
}

TrainedVocabulary Trainer::run() {
  TrainedVocabulary trained;
  while (std::ssize(tokens_) < training_.size) {
    const auto [count, pair] = most_frequent();
    if (count < std::max(training_.min_count, Index{1})) break;
    const std::string first = text(pair.first), second = text(pair.second);
    trained.merges.emplace_back(first, second);
    join(pair, put(first + second.substr(is_word_piece() ? kContinuation.size() : 0)));
  }
  trained.vocabulary = Vocabulary(std::move(tokens_));
  return trained;
}

}  // namespace

TrainedVocabulary train_vocabulary(const Words& words, const VocabularyTraining& training) {
  return Trainer(words, training).run();
}

}  // namespace slalom
