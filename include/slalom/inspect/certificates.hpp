// Lower bounds on how far a function of texts is from every additive model, from a few of its values
// (log-odds in nats). Each is a combination of values that vanishes for every model of the class, divided by
// the sum of its absolute coefficients: sup |F − g| cannot be smaller for any g of the class, whatever its
// weights.
#pragma once

#include <optional>
#include <vector>

#include "slalom/inspect/enclosure.hpp"

namespace slalom {

/// g(t) = b + Σ w(t_i), or g(t) = b + Σ w_i(t_i): weights of words, or of words at positions.
enum class AdditiveClass { bag_of_words, positionwise };

struct Certificate {
  AdditiveClass of = AdditiveClass::bag_of_words;
  std::vector<std::vector<TokenId>> witness;  // texts, without special tokens
  std::vector<double> coefficient;            // of each: Σ coefficient · g is 0 for every g of the class
  std::vector<double> log_odds;               // of each, as it was computed
  double estimate = 0;  // |Σ coefficient · log_odds| / Σ |coefficient|: no bound, as log_odds are rounded
  double half_range = 0;  // of F over all texts of the search: the best that any of them can be; estimated

  /// From prove():
  std::vector<Interval> enclosure;  // of each text's exact log-odds
  double bound = 0;                 // what these prove; 0: nothing
  double rounding_error = 0;        // half of the width in which they leave the combination

  bool proves() const { return bound > 0; }
};

struct RepetitionCurve {
  TokenId token;
  std::vector<double> log_odds;  // F([τ]^n), n = 1 …
};

/// For a bag of words n g(aᵐ) − m g(aⁿ) = (n − m) b for every token a. The best, over tokens and m < n, of
///   |n F(aᵐ) − m F(aⁿ) − n F(bᵐ) + m F(bⁿ)| / (2 (m + n)),
/// and, given F of the empty text, which is b, of
///   |n F(aᵐ) − m F(aⁿ) − (n − m) F(∅)| / (2 n).
/// Curves are of one length, at least 2.
Certificate repetition_certificate(const std::vector<RepetitionCurve>& curves, std::optional<double> empty);

/// For a position-wise model what b rather than c adds behind a first word does not depend on that word. The
/// best of |F(ab) − F(ac) − F(a′b) + F(a′c)| / 4 over a and a′, b and c; c may be no word at all. log_odds
/// (K, K + 1): row a has F(ab) for each token b, and F(a).
Certificate positionwise_certificate(const std::vector<TokenId>& tokens, const std::vector<double>& log_odds);

/// Encloses the witness's texts, between the special tokens, and sets the bound.
void prove(Certificate& certificate, const Enclose& enclose, std::span<const TokenId> prefix,
           std::span<const TokenId> suffix);

/// Whether Σ coefficient · g vanishes for every g of the class; coefficients are whole numbers.
bool vanishes(const Certificate& certificate);

/// prefix + text + suffix.
std::vector<TokenId> wrapped(std::span<const TokenId> prefix, std::span<const TokenId> text,
                             std::span<const TokenId> suffix);

}  // namespace slalom
