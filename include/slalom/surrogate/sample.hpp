// Texts and their log-odds as numbers: what a surrogate is fitted to.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "slalom/base/parallel.hpp"

namespace slalom {

/// n texts over K tokens, which are numbered 0 … K − 1 whatever their ids are, with F(t) of each.
struct Sample {
  using Token = std::int32_t;

  Index tokens = 0;                // K
  std::vector<Index> begin = {0};  // (n + 1) text i is token[begin[i]] … token[begin[i + 1] − 1]
  std::vector<Token> token;        // in order of the text
  std::vector<double> target;      // (n) F(t), nats
  std::vector<double> weight;      // (n) of the squared errors, or empty: all 1

  Index texts() const { return static_cast<Index>(target.size()); }
  std::span<const Token> text(Index i) const {
    const auto from = static_cast<std::size_t>(begin[static_cast<std::size_t>(i)]),
               to = static_cast<std::size_t>(begin[static_cast<std::size_t>(i) + 1]);
    return std::span(token).subspan(from, to - from);
  }
  double weight_of(Index i) const { return weight.empty() ? 1 : weight[static_cast<std::size_t>(i)]; }
  /// Appends a text, which has no weight yet.
  void add(std::span<const Token> text, double log_odds);

  /// Throws Error for tokens outside [0, K), targets that are not finite, weights that are not positive,
  /// another number of weights than of texts, or no text at all; the message names the text.
  void check() const;
};

/// model.predict() of each text.
template <class Model>
std::vector<double> predict(const Model& model, const Sample& sample) {
  std::vector<double> predicted(sample.target.size());
  parallel_ranges(sample.texts(), 256, [&](Index first, Index last) {
    for (Index i = first; i < last; ++i)
      predicted[static_cast<std::size_t>(i)] = model.predict(sample.text(i));
  });
  return predicted;
}
/// The sample without texts that it holds already: a classifier answers the same text the same way, so that a
/// repeated query is no further evidence.
Sample without_repeats(const Sample& sample);

/// How often each token occurs in each text.
struct TokenCounts {
  std::vector<Index> begin;          // (n + 1)
  std::vector<Sample::Token> token;  // distinct tokens of a text, ascending
  std::vector<double> count;         // ≥ 1
};
TokenCounts count_tokens(const Sample& sample);

/// Σ w (prediction − target)² / Σ w, and 1 − that / variance of the targets (NaN if they are all equal).
double mean_squared_error(const Sample& sample, std::span<const double> predicted);
double r_squared(const Sample& sample, std::span<const double> predicted);

/// Ordered pairs of different tokens that the sample does not hold as texts, drawn without repetition; all of
/// them if `count` exceeds them.
std::vector<std::vector<Sample::Token>> draw_new_pairs(const Sample& sample, Index count, std::uint64_t seed);

}  // namespace slalom
