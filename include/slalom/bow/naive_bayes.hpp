// Naive Bayes: how much more often a token occurs in texts of label 1 (paper, section 6).
#pragma once

#include "slalom/bow/linear_bag.hpp"

namespace slalom {

struct NaiveBayesOptions {
  double smoothing = 1;         // occurrences added to those of each token in either class, positive
  double score_smoothing = 20;  // the same for score(), as published
  /// A token counts once for each of the texts that hold it, in fitting and in log_odds() ("binarised").
  bool once_per_text = false;
};

/// The multinomial model (Manning, Raghavan, Schütze, "Introduction to Information Retrieval", 2008, chapter
/// 13): c_y(t) occurrences of token t in texts of label y, P(t | y) = (c_y(t) + a) / Σ_u (c_y(u) + a) over
/// all counted tokens u of the vocabulary, seen or not, and P(y) the share of the texts.
class NaiveBayes {
 public:
  /// Throws Error for a smoothing that is not positive and if a label has no text.
  explicit NaiveBayes(const LabelledCounts& counts, const NaiveBayesOptions& options = {});

  /// log P(1)/P(0) + Σ_i log P(t_i | 1)/P(t_i | 0), nats. Throws Error for an id outside the vocabulary.
  double log_odds(std::span<const TokenId> text) const { return bag_.value(text); }
  /// The intercept is the log-odds of the labels alone, the weights are the terms of the sum.
  const LinearBag& bag() const { return bag_; }
  /// log((c_1(t) + a) / (c_0(t) + a)) with the score's smoothing a, of occurrences in any case; 0 for a token
  /// that was not seen and for special ones. Throws Error for an id outside the vocabulary.
  double score(TokenId token) const;

 private:
  LinearBag bag_;
  std::vector<double> scores_;  // (V)
};

}  // namespace slalom
