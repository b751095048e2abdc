// The parts of identify_slalom(): queries of single tokens, pairs and copies, and what they tell.
#pragma once

#include <limits>

#include "slalom/surrogate/identification.hpp"

namespace slalom::detail {

using Token = Sample::Token;
using Text = std::vector<Token>;

/// Queries the classifier, and keeps texts and outputs.
class Queries {
 public:
  Queries(const Answers& log_odds, const IdentificationOptions& options, Sample& asked);

  /// F of each text. Throws Error for outputs that are not finite, or too few.
  std::vector<double> outputs(const std::vector<Text>& texts);
  /// F([k, partner]) for each of the tokens k.
  std::vector<double> with_partner(const std::vector<Index>& tokens, Index partner);
  /// F([0]) … F([K − 1]), behind F([]) if `empty_text` says so.
  std::vector<double> single_tokens(Index tokens, bool empty_text);

  /// Rounding error of an output.
  double rounding() const { return 2 * rounding_ * largest_; }
  /// Of one token: twice as many fit into a text.
  double most_copies() const { return most_copies_; }
  /// Of an importance; where rounding may do more, more is queried: 2e-10 in float64.
  double wanted_error() const;

 private:
  const Answers& log_odds_;
  Sample& asked_;
  double rounding_, most_copies_, largest_ = 0;
};

Text copies(Index k, double times);

/// The model of known values: importances by pairs of tokens whose values differ.
SlalomModel identify_by_pairs(std::vector<double> value, std::optional<Background> background,
                              Queries& queries, Identification& result);
/// The model with a background whose value F([]) can be queried.
SlalomModel identify_with_background(Index tokens, Queries& queries, Identification& result);

}  // namespace slalom::detail
