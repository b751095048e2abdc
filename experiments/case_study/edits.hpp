// What it takes to change a classifier's mind about a review: words taken out of it, or put into it.
#pragma once

#include <span>
#include <vector>

#include "../support/experiment.hpp"
#include "slalom/data/rows.hpp"
#include "slalom/explain/explained_text.hpp"
#include "slalom/explain/global_importance.hpp"

namespace slalom::case_study {

inline constexpr Index kMostEdits = 20;  // tokens taken out or put in

/// One way to edit one review. `flips`: the sign of F became another after `edits` tokens, the fewest of this
/// way that do it; else after kMostEdits it had not.
struct Edit {
  std::string how;
  Index edits = 0;
  bool flips = false;
};

/// Six ways. Taken out are the best sets of slalom-fidel, tokens in the order of their leave-one-out effect,
/// greedily chosen ones (explain/flip.hpp), and those of the text that `card` has strongest for its side, in
/// that order, each time from all of its places. Put in behind the text, each once, are the tokens that the
/// card has strongest for the other side; and, as a control, tokens drawn from the card at random.
std::vector<Edit> edits_of(BlackBox& f, const ExplainedText& text, const GlobalImportance& card,
                           std::uint64_t seed);

/// A row a way: reviews that flip, with the 95 % interval of their share, and the median of their edits.
Table edits_table(const std::vector<Json>& reviews);
/// "edits.HOW.flipped": the shares.
void add_edit_estimates(const std::vector<Json>& reviews, experiment::Estimates& found);

}  // namespace slalom::case_study
