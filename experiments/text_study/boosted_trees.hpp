// Gradient-boosted regression trees on presence: a surrogate that knows how up to three tokens act together
// (J. H. Friedman, "Greedy Function Approximation", Annals of Statistics 2001; L. Butler et al., "ProxySPEX",
// 2025, explains language models by such trees).
#pragma once

#include <span>
#include <vector>

#include "slalom/explain/deletions.hpp"

namespace slalom::text_study {

/// A regression tree. Node 0 is the root; a leaf has no player.
struct TreeNode {
  Index player = -1;
  Index absent = 0, present = 0;  // the nodes below
  double value = 0;               // of a leaf, nats
};
using RegressionTree = std::vector<TreeNode>;

struct BoostedTrees {
  double base = 0;  // mean of the outputs, nats
  std::vector<RegressionTree> trees;

  /// The predicted log-odds of the coalition `member` (n).
  double value(std::span<const std::uint8_t> member) const;
};

/// Fits trees of depth 3 to residuals of the squared error, each shrunk to a tenth. A fifth of the rows say
/// how many trees, at most 500, predict best; these are then fitted to all rows.
BoostedTrees fit_boosted_trees(const Coalitions& kept, const std::vector<double>& log_odds);

}  // namespace slalom::text_study
