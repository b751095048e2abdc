// Global token importance: value and importance of every token of a corpus, identified from texts of one and
// two tokens (paper, section 5), beside what the corpus itself says of each token.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "slalom/explain/explanation.hpp"
#include "slalom/text/encoding.hpp"

namespace slalom {

/// What is counted of a corpus, one text at a time. Memory grows with the vocabulary, not with the corpus: of
/// its texts at most kMostKept are kept.
class CorpusCounts {
 public:
  static constexpr Index kMostKept = 500;
  struct Token {
    Index count = 0, texts = 0;            // occurrences, and texts with at least one
    Index for_target = 0, for_others = 0;  // occurrences in texts that are labelled so
  };

  /// Special tokens are not counted; texts of more than `longest` tokens are counted, but not kept.
  CorpusCounts(std::function<bool(TokenId)> is_special, int target, Index longest);
  /// A text with its special tokens, and its class where that is known. Throws Error for a pair of texts.
  void add(const Encoding& text, std::optional<int> label);

  const std::unordered_map<TokenId, Token>& tokens() const { return tokens_; }
  Index texts() const { return texts_; }
  Index labelled() const { return labelled_; }  // texts with a label
  /// Texts with a counted token that fit: all, or every second, fourth, … of them, from the first one on.
  const std::vector<std::vector<TokenId>>& kept() const { return kept_; }
  bool is_special(TokenId id) const { return is_special_(id); }
  /// The counted tokens, ascending, between the special tokens at the ends of the first text that has any.
  /// Throws Error if nothing was counted.
  std::vector<TokenId> vocabulary_text() const;

 private:
  void frame(const std::vector<TokenId>& text);
  void keep(const std::vector<TokenId>& text);

  std::function<bool(TokenId)> is_special_;
  int target_;
  Index longest_, texts_ = 0, labelled_ = 0, candidates_ = 0, stride_ = 1;
  bool framed_ = false;
  std::unordered_map<TokenId, Token> tokens_;
  std::vector<TokenId> prefix_, suffix_;  // special tokens around a text
  std::vector<std::vector<TokenId>> kept_;
};

struct GlobalOptions {
  std::optional<bool> background;  // empty: fitted if the texts have special tokens
  Index extra_pairs = 0;           // queried for a least-squares refinement
  std::uint64_t seed = 0;          // of the extra pairs
};

struct GlobalImportance {
  struct Token {
    TokenId id = 0;
    Index count = 0, texts = 0;
    double value = 0, importance = 0, linear = 0;  // linear = exp(importance) · value
    /// log((c⁺ + 20) / (c⁻ + 20)), c⁺ and c⁻ the occurrences in texts of the target class and of the others.
    std::optional<double> naive_bayes;
  };
  std::vector<Token> tokens;  // by |linear|, the largest first; equal ones by id
  Index texts = 0;            // of the corpus
  std::optional<Background> background;
  std::vector<double> predicted,
      log_odds;                      // (n) of the kept texts: these numbers' and the classifier's F, nats
  std::optional<Fidelity> fidelity;  // on these texts; unseen: not queried for the identification
  /// Of `linear` and naive Bayes, over tokens that occur kFewest times or more; NaN if undefined.
  std::optional<double> spearman_naive_bayes;
  static constexpr Index kFewest = 5;
  QueryCost cost;  // without the fidelity's
  double seconds = 0;
  std::vector<std::string> warnings;

  /// At most `most` tokens of positive (sign 1) or negative (sign −1) linear score that occur `fewest` times
  /// or more, the strongest first.
  std::vector<Token> strongest(int sign, std::size_t most, Index fewest = 1) const;
};

/// 2K − 1 queries for K tokens, with a background 2K + 1, as identify_slalom() makes them; then the kept
/// texts for the fidelity. Throws Error as f and identify_slalom() do.
GlobalImportance global_importance(BlackBox& f, const CorpusCounts& corpus, const GlobalOptions& options);

/// What sets a token apart that is strong in the model: "digits", "punctuation", "capitalised" by its form,
/// and "opposite in the corpus" (naive Bayes has the other sign) or "weak in the corpus" (|naive Bayes| below
/// 0.1: some two occurrences more on one side). Empty if nothing does.
std::string token_remark(const GlobalImportance::Token& token, const std::string& readable);

}  // namespace slalom
