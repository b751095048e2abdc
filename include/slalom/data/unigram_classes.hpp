// Texts with a known truth that look like a corpus: tokens drawn from the unigram distributions of its two
// classes ("IMDB bag of words").
#pragma once

#include <array>
#include <functional>
#include <limits>

#include "slalom/data/batch.hpp"
#include "slalom/data/synthetic.hpp"

namespace slalom {

struct UnigramOptions {
  double smoothing = 20;                              // added to every count, positive
  Index min_count = 1;                                // occurrences in the corpus that a token needs
  Index longest = std::numeric_limits<Index>::max();  // longer lengths become this one
};

/// A fair label y, a length that the corpus has, then tokens drawn independently from
/// P(t | y) = (c_y(t) + smoothing) / Σ_u (c_y(u) + smoothing), c_y(t) the occurrences of t in the corpus'
/// texts of label y. The length says nothing of the label, so that the log-odds of a text is exactly Σ_i log
/// P(t_i | 1) − log P(t_i | 0). Text i is a pure function of the seed and i.
class UnigramClasses final : public TextSource {
 public:
  /// Special tokens count neither as tokens nor in lengths; texts of nothing else give no length. The
  /// vocabulary must outlive the source. Throws Error for a label other than 0 and 1, an id outside the
  /// vocabulary, options out of range, and if no token occurs often enough.
  UnigramClasses(const PackedBatch& corpus, const Vocabulary& vocabulary,
                 const std::function<bool(TokenId)>& is_special, const UnigramOptions& options,
                 std::uint64_t seed);

  void get(Index index, SyntheticText& out) const override;
  const Vocabulary& vocabulary() const override { return vocabulary_; }

  /// The tokens that are drawn, ids ascending, (K).
  const std::vector<TokenId>& tokens() const { return tokens_; }
  /// log P(t | 1) − log P(t | 0), nats. Throws Error for a token that is never drawn.
  double weight(TokenId token) const;
  /// The sum of the weights.
  double log_odds(std::span<const TokenId> text) const;

 private:
  using Counts = std::vector<std::array<Index, 2>>;
  Counts count(const PackedBatch& corpus, const std::function<bool(TokenId)>& is_special, Index longest);
  void fit(const Counts& counts, const UnigramOptions& options);

  const Vocabulary& vocabulary_;
  std::uint64_t seed_;
  std::vector<Index> lengths_;                     // of the corpus' texts
  std::vector<TokenId> tokens_;                    // (K)
  std::vector<double> weights_;                    // (K)
  std::array<std::vector<double>, 2> cumulative_;  // (K) for each label, ends at 1
};

}  // namespace slalom
