// Where a surrogate holds: its error from one removed token to nearly all of them.
#pragma once

#include <string>
#include <vector>

#include "slalom/base/json.hpp"
#include "slalom/explain/explained_text.hpp"

namespace slalom::text_study {

/// Random deletions of one size.
struct RemovalLevel {
  std::string name;  // "1" … "10" tokens, "10 %" … "90 %" of them, "any": each number is as likely
  Coalitions kept;
};
/// `deletions` of each number of tokens, twice as many of each share; one token is always kept.
std::vector<RemovalLevel> removal_levels(Index players, Index deletions, std::uint64_t seed);

/// Surrogates fitted to the same `budget` outputs, of deletions of up to ten tokens ("small"), of any number
/// ("all"), and half of up to ten and half of more ("mixed"), and the mean squared errors (nats²) of the
/// changes of log-odds that they predict:
/// {"levels": [names], "errors": [{"fit", "surrogate", "mse": [one a level]}, …]}. Kernel SHAP's coalitions
/// are its own, as many (and it needs an empty text); "zero" predicts no change.
Json removed_shares(BlackBox& f, const ExplainedText& text, Index budget, Index deletions,
                    std::uint64_t seed);

}  // namespace slalom::text_study
