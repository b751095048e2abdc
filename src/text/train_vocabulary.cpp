#include "slalom/text/train_vocabulary.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <queue>
#include <tuple>
#include <unordered_set>

#include "slalom/base/error.hpp"
#include "slalom/base/files.hpp"
#include "slalom/base/json.hpp"
#include "slalom/text/unicode.hpp"

namespace slalom {

namespace {

constexpr const char* kContinuation = "##";
constexpr const char* kEndOfText = "<|endoftext|>";

std::vector<NormalizerRule> normalizer_of(const VocabularyTraining& training) {
  if (training.kind == VocabularyKind::byte_pair) return {};
  return bert_steps({.strip_accents = training.lower_case, .lower_case = training.lower_case});
}

}  // namespace

// --- words -----------------------------------------------------------------------------------------------

WordCounter::WordCounter(const VocabularyTraining& training)
    : kind_(training.kind), normalizer_(normalizer_of(training)) {}

void WordCounter::add(std::string_view text, const std::string& where) {
  require_utf8(text, where);
  const std::string normal = normalize(text, 0, normalizer_).bytes;
  const std::vector<WordRange> words =
      kind_ == VocabularyKind::word_piece ? split_words(normal, {WordSplit::bert}) : pattern_.split(normal);
  for (const WordRange& range : words) {
    const std::string_view word = std::string_view(normal).substr(range.begin, range.end - range.begin);
    if (const auto known = counts_.find(word); known != counts_.end())
      ++known->second;
    else
      counts_.emplace(word, 1);
  }
}

std::vector<WordCounter::Word> WordCounter::words() const {
  std::vector<Word> words;
  words.reserve(counts_.size());
  for (const auto& [word, count] : counts_)
    words.push_back({kind_ == VocabularyKind::byte_pair ? to_byte_characters(word) : word, count});
  std::ranges::sort(words, {}, &Word::text);
  return words;
}

// --- pairs -----------------------------------------------------------------------------------------------

namespace {

using Pair = std::pair<TokenId, TokenId>;

/// Words as tokens, and how often each pair of neighbours occurs.
class PairCounts {
 public:
  struct Candidate {
    Index count;
    Pair pair;
  };

  explicit PairCounts(const std::vector<std::string>& tokens) : queue_(Later{&tokens}) {}

  void add_word(std::vector<TokenId> word, Index count) {
    for (std::size_t i = 0; i + 1 < word.size(); ++i) add({word[i], word[i + 1]}, count, words_.size());
    words_.push_back({std::move(word), count});
  }
  /// Call once, behind the last word.
  void start() { queue_changes(); }

  /// The most frequent pair; count 0 if there is none.
  Candidate most_frequent();
  /// Puts `joined` wherever the pair is.
  void join(Pair pair, TokenId joined);

 private:
  struct Word {
    std::vector<TokenId> tokens;
    Index count;
  };
  struct Later {
    const std::vector<std::string>* tokens;
    bool operator()(const Candidate& a, const Candidate& b) const {
      if (a.count != b.count) return a.count < b.count;
      const auto text = [&](TokenId id) -> const std::string& {
        return (*tokens)[static_cast<std::size_t>(id)];
      };
      return std::tie(text(a.pair.first), text(a.pair.second)) >
             std::tie(text(b.pair.first), text(b.pair.second));
    }
  };
  struct Hash {
    std::size_t operator()(const Pair& p) const {
      const std::uint64_t both =
          std::uint64_t{static_cast<std::uint32_t>(p.first)} << 32 | static_cast<std::uint32_t>(p.second);
      return static_cast<std::size_t>((both * 0x9E3779B97F4A7C15U) >> 20);
    }
  };
  struct Entry {
    Index count = 0;
    std::vector<std::size_t> words;  // that have, or had, the pair; some more than once
    bool changed = false;
  };

  /// Adds `change` to the pair's count, because of the word of that number.
  void add(Pair pair, Index change, std::size_t word);
  void join_in_word(Pair pair, TokenId joined, std::size_t word);
  void queue_changes();

  std::vector<Word> words_;
  std::unordered_map<Pair, Entry, Hash> entries_;
  std::vector<Pair> changed_;
  std::priority_queue<Candidate, std::vector<Candidate>, Later> queue_;
};

void PairCounts::add(Pair pair, Index change, std::size_t word) {
  Entry& entry = entries_[pair];
  entry.count += change;
  if (change < 0) return;
  if (entry.words.empty() || entry.words.back() != word) entry.words.push_back(word);
  if (!entry.changed) changed_.push_back(pair);
  entry.changed = true;
}

/// Only counts that grew need a new place: a candidate whose count has shrunk is put back when it comes up.
void PairCounts::queue_changes() {
  for (const Pair& pair : changed_) {
    Entry& entry = entries_[pair];
    entry.changed = false;
    queue_.push({entry.count, pair});
  }
  changed_.clear();
}

PairCounts::Candidate PairCounts::most_frequent() {
  while (!queue_.empty()) {
    const Candidate top = queue_.top();
    const Index count = entries_[top.pair].count;
    if (count == top.count && count > 0) return top;
    queue_.pop();
    if (count > 0 && count < top.count) queue_.push({count, top.pair});
  }
  return {0, {}};
}

void PairCounts::join(Pair pair, TokenId joined) {
  std::vector<std::size_t> words = std::move(entries_[pair].words);
  entries_[pair].words.clear();
  std::ranges::sort(words);
  words.erase(std::unique(words.begin(), words.end()), words.end());
  for (const std::size_t word : words) join_in_word(pair, joined, word);
  queue_changes();
}

/// From left to right, so that the pairs with the neighbour before, which may just have been joined itself,
/// are taken back as they stand by then.
void PairCounts::join_in_word(Pair pair, TokenId joined, std::size_t word) {
  auto& [tokens, count] = words_[word];
  std::size_t kept = 0;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (i + 1 == tokens.size() || Pair{tokens[i], tokens[i + 1]} != pair) {
      tokens[kept++] = tokens[i];
      continue;
    }
    add(pair, -count, word);
    if (kept > 0) {
      add({tokens[kept - 1], pair.first}, -count, word);
      add({tokens[kept - 1], joined}, count, word);
    }
    if (i + 2 < tokens.size()) {
      add({pair.second, tokens[i + 2]}, -count, word);
      add({joined, tokens[i + 2]}, count, word);
    }
    tokens[kept++] = joined;
    ++i;
  }
  tokens.resize(kept);
}

// --- training --------------------------------------------------------------------------------------------

/// The characters of the words, the most frequent ones, by their code.
std::vector<std::string> alphabet_of(const std::vector<WordCounter::Word>& words, Index most) {
  std::unordered_map<char32_t, Index> counts;
  for (const auto& [word, count] : words)
    for (std::size_t at = 0; at < word.size();) counts[next_character(word, at)] += count;
  std::vector<std::pair<Index, char32_t>> by_count;
  by_count.reserve(counts.size());
  for (const auto& [c, count] : counts) by_count.emplace_back(-count, c);
  std::ranges::sort(by_count);
  if (std::ssize(by_count) > most) by_count.resize(static_cast<std::size_t>(most));
  std::ranges::sort(by_count, {}, &std::pair<Index, char32_t>::second);
  std::vector<std::string> alphabet;
  for (const auto& [count, c] : by_count) append_utf8(c, alphabet.emplace_back());
  return alphabet;
}

/// The characters behind the first of a word.
std::unordered_set<std::string> characters_inside(const std::vector<WordCounter::Word>& words) {
  std::unordered_set<std::string> inside;
  for (const auto& [word, count] : words) {
    std::size_t at = 0;
    if (!word.empty()) next_character(word, at);
    for (std::size_t begin = at; begin < word.size(); begin = at) {
      next_character(word, at);
      inside.insert(word.substr(begin, at - begin));
    }
  }
  return inside;
}

/// The tokens under way: those to begin with, then the joined ones.
class Trainer {
 public:
  Trainer(const std::vector<WordCounter::Word>& words, const VocabularyTraining& training);
  TrainedVocabulary run();

 private:
  bool is_word_piece() const { return training_.kind == VocabularyKind::word_piece; }
  TokenId put(std::string token);
  void add_alphabet(const std::vector<WordCounter::Word>& words);
  std::string joined_text(Pair pair) const;

  VocabularyTraining training_;
  std::vector<std::string> tokens_;
  std::unordered_map<std::string, TokenId> ids_;
  PairCounts pairs_;
};

Trainer::Trainer(const std::vector<WordCounter::Word>& words, const VocabularyTraining& training)
    : training_(training), pairs_(tokens_) {
  add_alphabet(words);
  if (std::ssize(tokens_) > training.size)
    throw Error(concat("[vocabulary] size ", training.size,
                       ": special tokens and single characters alone are ", tokens_.size()),
                "ask for a larger vocabulary");
  std::string piece;
  for (const auto& [word, count] : words) {
    std::vector<TokenId> ids;
    bool known = true;  // a word with a character that is left out is unknown whatever the pieces
    for (std::size_t at = 0; known && at < word.size();) {
      piece = is_word_piece() && at > 0 ? kContinuation : "";
      append_utf8(next_character(word, at), piece);
      const auto found = ids_.find(piece);
      known = found != ids_.end();
      if (known) ids.push_back(found->second);
    }
    if (known) pairs_.add_word(std::move(ids), count);
  }
  pairs_.start();
}

TokenId Trainer::put(std::string token) {
  const auto [place, is_new] = ids_.try_emplace(std::move(token), static_cast<TokenId>(tokens_.size()));
  if (is_new) tokens_.push_back(place->first);
  return place->second;
}

void Trainer::add_alphabet(const std::vector<WordCounter::Word>& words) {
  if (!is_word_piece()) {
    put(kEndOfText);
    std::array<char32_t, 256> characters = byte_characters();
    std::ranges::sort(characters);
    for (const char32_t c : characters) {
      std::string token;
      append_utf8(c, token);
      put(token);
    }
    return;
  }
  for (const char* special : {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"}) put(special);
  const std::vector<std::string> alphabet = alphabet_of(words, training_.characters);
  const std::unordered_set<std::string> inside = characters_inside(words);
  for (const std::string& c : alphabet) put(c);
  for (const std::string& c : alphabet)
    if (inside.contains(c)) put(kContinuation + c);
}

std::string Trainer::joined_text(Pair pair) const {
  const std::string& second = tokens_[static_cast<std::size_t>(pair.second)];
  return tokens_[static_cast<std::size_t>(pair.first)] + (is_word_piece() ? second.substr(2) : second);
}

TrainedVocabulary Trainer::run() {
  TrainedVocabulary trained;
  while (std::ssize(tokens_) < training_.size) {
    const auto [count, pair] = pairs_.most_frequent();
    if (count < std::max(training_.min_count, Index{1})) break;
    trained.merges.emplace_back(tokens_[static_cast<std::size_t>(pair.first)],
                                tokens_[static_cast<std::size_t>(pair.second)]);
    pairs_.join(pair, put(joined_text(pair)));
  }
  trained.vocabulary = Vocabulary(std::move(tokens_));
  return trained;
}

}  // namespace

TrainedVocabulary train_vocabulary(const std::vector<WordCounter::Word>& words,
                                   const VocabularyTraining& training) {
  return Trainer(words, training).run();
}

// --- files -----------------------------------------------------------------------------------------------

namespace {

void save_word_pieces(const TrainedVocabulary& trained, bool lower_case, const std::string& folder) {
  trained.vocabulary.save(folder + "/vocab.txt");
  write_file(
      folder + "/tokenizer_config.json",
      JsonRow().field("tokenizer_class", "BertTokenizer").field("do_lower_case", lower_case).str() + "\n");
  write_file(folder + "/special_tokens_map.json", JsonRow()
                                                          .field("cls_token", "[CLS]")
                                                          .field("sep_token", "[SEP]")
                                                          .field("pad_token", "[PAD]")
                                                          .field("unk_token", "[UNK]")
                                                          .field("mask_token", "[MASK]")
                                                          .str() +
                                                      "\n");
}

void save_byte_pairs(const TrainedVocabulary& trained, const std::string& folder) {
  JsonRow ids;
  for (TokenId id = 0; id < trained.vocabulary.size(); ++id) ids.field(trained.vocabulary.token(id), id);
  write_file(folder + "/vocab.json", ids.str() + "\n");
  save_merges(trained.merges, folder + "/merges.txt");
  const JsonRow end = JsonRow()
                          .field("content", kEndOfText)
                          .field("lstrip", false)
                          .field("normalized", false)
                          .field("rstrip", false)
                          .field("single_word", false)
                          .field("special", true);
  write_file(folder + "/tokenizer_config.json",
             JsonRow()
                     .field("tokenizer_class", "GPT2Tokenizer")
                     .field("add_prefix_space", false)
                     .raw("added_tokens_decoder", JsonRow().raw("0", end.str()).str())
                     .str() +
                 "\n");
  write_file(folder + "/special_tokens_map.json", JsonRow()
                                                          .field("bos_token", kEndOfText)
                                                          .field("eos_token", kEndOfText)
                                                          .field("unk_token", kEndOfText)
                                                          .str() +
                                                      "\n");
}

}  // namespace

void save_tokenizer_files(const TrainedVocabulary& trained, const VocabularyTraining& training,
                          const std::string& folder) {
  const bool word_pieces = training.kind == VocabularyKind::word_piece;
  StagedFiles staged(folder, word_pieces ? "vocab.txt" : "vocab.json");
  if (word_pieces)
    save_word_pieces(trained, training.lower_case, staged.path());
  else
    save_byte_pairs(trained, staged.path());
  staged.commit();
}

}  // namespace slalom
