// Vocabularies made from texts, by joining the most frequent pair of neighbouring pieces again and again:
// WordPiece as Hugging Face's trainer makes it, and byte-level byte pairs.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>

#include "slalom/base/index.hpp"
#include "slalom/text/byte_pairs.hpp"
#include "slalom/text/normalizer.hpp"

namespace slalom {

enum class VocabularyKind { word_piece, byte_pair };

/// What byte pairs begin with.
inline constexpr const char* kEndOfText = "<|endoftext|>";

struct VocabularyTraining {
  VocabularyKind kind = VocabularyKind::word_piece;
  Index size = 8000;        // tokens, special ones included
  Index min_count = 2;      // a pair that is rarer is not joined
  bool lower_case = true;   // WordPiece: BERT's normaliser lowers case and strips accents
  Index characters = 1000;  // WordPiece: the most frequent ones are kept, words with others do not count
};

struct TrainedVocabulary {
  Vocabulary vocabulary;  // special tokens, single characters in order, joined pieces by the time of joining
  Merges merges;          // in order
};

/// Words as the tokenizer will cut them, byte-level ones in characters of bytes, and how often each occurs.
class WordCounter {
 public:
  explicit WordCounter(const VocabularyTraining& training);
  /// Throws Error naming `where` for text that is not UTF-8.
  void add(std::string_view text, const std::string& where);
  const std::unordered_map<std::string, Index>& counts() const { return counts_; }

 private:
  VocabularyKind kind_;
  std::vector<NormalizerStep> normalizer_;
  std::unordered_map<std::string, Index> counts_;
};

/// Of equally frequent pairs the one whose two pieces come first by their bytes is joined. WordPiece begins
/// with [PAD] [UNK] [CLS] [SEP] [MASK], the characters of the words, and behind "##" those inside words; byte
/// pairs with <|endoftext|> and the 256 bytes. It ends early when no pair is frequent enough. Throws Error if
/// `size` does not hold what it begins with.
TrainedVocabulary train_vocabulary(const std::unordered_map<std::string, Index>& words,
                                   const VocabularyTraining& training);

}  // namespace slalom
