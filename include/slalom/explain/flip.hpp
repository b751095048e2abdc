// The smallest set of tokens whose removal changes the sign of the log-odds.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "slalom/base/index.hpp"
#include "slalom/surrogate/slalom.hpp"

namespace slalom {

struct BestRemoval {
  std::vector<Index> removed;  // ascending
  double log_odds = 0;         // the SLALOM's F of what is left, nats
};
/// Of n tokens with weights e^s > 0 and values v, and the background's, the k whose removal makes
/// sign · F least, exactly: a fractional 0-1 programme, solved by Dinkelbach's iteration (Management Science
/// 1967); each step removes the k largest sign · weight · (value − λ). k < n, or k = n with a background.
BestRemoval best_removal(std::span<const double> weight, std::span<const double> value,
                         const std::optional<Background>& background, double sign, Index k);

/// What one way of choosing tokens found.
struct Flip {
  std::string chosen_by;       // the method, "leave-one-out" or "greedy"
  std::vector<Index> removed;  // among the text's units, ascending
  double log_odds = 0;         // the model's without them, nats
  bool flips = false;          // its sign is another than F(t)'s
  Index queries = 0;
};

inline constexpr Index kMostFlipped = 20;

class BlackBox;
class ExplainedText;
struct Explanation;

/// Removed until the model's sign changes, at most `most` tokens: the best sets of the explanation's SLALOM,
/// from the smallest on that changes the SLALOM's sign; the tokens whose single removal moves F most, in that
/// order; and greedily, at each step the token whose removal moves F most. Throws UsageError if it has no
/// SLALOM.
std::vector<Flip> find_flips(BlackBox& f, const ExplainedText& text, const Explanation& explanation,
                             Index most);

}  // namespace slalom
