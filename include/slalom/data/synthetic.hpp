// Synthetic texts with a known truth: the linear bag of words and the SLALOM truth (docs/method.md,
// sections 1 and 4; Leemann et al., TMLR 2025, experiments on synthetic data).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "slalom/base/index.hpp"
#include "slalom/base/random.hpp"
#include "slalom/text/special_tokens.hpp"

namespace slalom {

struct SyntheticText {
  std::vector<TokenId> tokens;  // without special tokens
  double log_odds = 0;          // of class 1, nats
  int label = 0;                // 0 or 1
};

/// Texts by number, without end, for training code that does not care where they come from.
class TextSource {
 public:
  virtual ~TextSource() = default;
  /// Text `index`, from 0; `out` is overwritten and keeps its memory.
  virtual void get(Index index, SyntheticText& out) const = 0;
  virtual const Vocabulary& vocabulary() const = 0;
};

/// binomial: Binomial(30, ½), but at least 1. fixed: 30. uniform: 1 … 30.
enum class LengthDistribution { binomial, fixed, uniform };
inline constexpr Index kLongestSyntheticText = 30;  // words

struct SlalomWord {
  std::string word;
  double frequency, importance, value;  // relative; dimensionless; log-odds in nats
};

/// Words drawn independently by frequency, label ~ Bernoulli(σ(log-odds)). Text i is a pure function of
/// the seed and i. The vocabulary is [PAD] [CLS] [SEP] [UNK] [MASK], the words in order, [unused0].
class SyntheticSource : public TextSource {
 public:
  void get(Index index, SyntheticText& out) const override;
  const Vocabulary& vocabulary() const override { return vocabulary_; }
  /// The true log-odds of a text of words (nats). Throws Error for tokens that are no words.
  virtual double log_odds(std::span<const TokenId> tokens) const = 0;

 protected:
  /// Frequencies are normalised. Throws Error unless they are positive and the words distinct.
  SyntheticSource(std::vector<SlalomWord> words, LengthDistribution law, std::uint64_t seed);
  const SlalomWord& word_of(TokenId token) const;

 private:
  Index draw_length(Rng& rng) const;

  std::vector<SlalomWord> words_;
  Vocabulary vocabulary_;
  std::vector<double> cumulative_;  // (words), ends at 1
  LengthDistribution law_;
  std::uint64_t seed_;
};

/// The ten words of the published study; their importances play no part.
std::vector<SlalomWord> default_bag_words();
/// The three words of the published toy example.
std::vector<SlalomWord> toy_slalom_words();
/// TSV with the header "word p importance value". Throws Error with file, line and field for anything else.
std::vector<SlalomWord> read_slalom_words(const std::string& path);
/// A table of our own: equal frequencies, importance ~ N(0, 1), value ~ N(0, ½²); the words are "word0" …
std::vector<SlalomWord> redraw_slalom_words(std::uint64_t seed, Index count);

/// Linear truth: log-odds = Σ_i value(t_i).
class BagOfWordsSource final : public SyntheticSource {
 public:
  explicit BagOfWordsSource(std::uint64_t seed, LengthDistribution law = LengthDistribution::binomial,
                            std::vector<SlalomWord> words = default_bag_words())
      : SyntheticSource(std::move(words), law, seed) {}
  double log_odds(std::span<const TokenId> tokens) const override;
};

/// SLALOM truth: log-odds = Σ_i α_i value(t_i), α = softmax(importance(t_1) …); it has none for an empty
/// text, which log_odds() refuses with an Error.
class SlalomSource final : public SyntheticSource {
 public:
  explicit SlalomSource(std::uint64_t seed, std::vector<SlalomWord> words = toy_slalom_words(),
                        LengthDistribution law = LengthDistribution::uniform)
      : SyntheticSource(std::move(words), law, seed) {}
  double log_odds(std::span<const TokenId> tokens) const override;
};

}  // namespace slalom
