// Shapley values of a SLALOM game in closed form: no sampling and no further query.
#pragma once

#include "slalom/surrogate/slalom.hpp"

namespace slalom {

/// The game over the n tokens of a text: v(S) = F of the tokens in S with weights e^{s_i}, and v(∅) = `empty`
/// (with a background its value, which then has to equal `empty`).
/// 1/Z = ∫_0^∞ e^{−Zu} du turns the average over all subsets into products over players: a Gauss-Legendre
/// rule over the chance of a player to be in S, about 3 √n nodes, and a trapezoidal rule over log u, about 40
/// nodes and 4 for each nat by which importances differ. Agrees with enumeration to 1e-10 of the largest
/// difference of values.
/// value, importance (n) → Shapley values (n), which sum to v(all) − v(∅). O(n · nodes). Throws Error if
/// n < 1, if lengths differ, if a number is not finite, if importances differ by more than
/// kMostImportanceSpread, or if `empty` is not the background's value.
std::vector<double> slalom_shapley(std::span<const double> value, std::span<const double> importance,
                                   const std::optional<Background>& background, double empty);

inline constexpr double kMostImportanceSpread = 10000;

}  // namespace slalom
