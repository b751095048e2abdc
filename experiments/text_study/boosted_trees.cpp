#include "boosted_trees.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace slalom::text_study {

namespace {

constexpr int kDepth = 3, kMostTrees = 500;
constexpr double kShrinkage = 0.1, kPenalty = 1;  // L2, on the values of leaves
constexpr Index kFold = 5, kLeastRows = 3;        // in a leaf

struct Rows {
  const Coalitions& kept;
  std::vector<double> residual;  // (all rows)
};

// Twice what a leaf with these residuals takes from the squared error.
double score(double sum, Index count) {
  return sum * sum / (static_cast<double>(count) + kPenalty);
}

// The player whose presence tells the rows' residuals apart best; -1 if none does.
Index best_split(const Rows& data, const std::vector<Index>& rows, double sum) {
  const auto players = static_cast<std::size_t>(data.kept.players);
  std::vector<double> sums(players);
  std::vector<Index> counts(players);
  for (const Index row : rows) {
    const auto member = data.kept.row(row);
    const double residual = data.residual[static_cast<std::size_t>(row)];
    for (std::size_t p = 0; p < players; ++p) {
      sums[p] += member[p] != 0 ? residual : 0;
      counts[p] += member[p] != 0;
    }
  }
  double best = score(sum, std::ssize(rows));
  Index found = -1;
  for (std::size_t p = 0; p < players; ++p) {
    const Index absent = std::ssize(rows) - counts[p];
    if (std::min(absent, counts[p]) < kLeastRows) continue;
    const double gained = score(sums[p], counts[p]) + score(sum - sums[p], absent);
    if (gained > best) best = gained, found = static_cast<Index>(p);
  }
  return found;
}

// Adds the node of these rows and all below it; its number.
Index grow(const Rows& data, const std::vector<Index>& rows, int depth, RegressionTree& tree) {
  double sum = 0;
  for (const Index row : rows) sum += data.residual[static_cast<std::size_t>(row)];
  const Index node = std::ssize(tree), player = depth > 0 ? best_split(data, rows, sum) : -1;
  tree.push_back(
      {.player = player, .value = kShrinkage * sum / (static_cast<double>(rows.size()) + kPenalty)});
  if (player < 0) return node;
  std::vector<Index> parts[2];
  for (const Index row : rows)
    parts[data.kept.row(row)[static_cast<std::size_t>(player)] != 0].push_back(row);
  const Index absent = grow(data, parts[0], depth - 1, tree), present = grow(data, parts[1], depth - 1, tree);
  tree[static_cast<std::size_t>(node)].absent = absent;
  tree[static_cast<std::size_t>(node)].present = present;
  return node;
}

double value_of(const RegressionTree& tree, std::span<const std::uint8_t> member) {
  const TreeNode* node = &tree.front();
  while (node->player >= 0)
    node = &tree[static_cast<std::size_t>(
        member[static_cast<std::size_t>(node->player)] != 0 ? node->present : node->absent)];
  return node->value;
}

// `count` trees fitted to these rows. After each, held_out gets the squared error of the other rows.
BoostedTrees fit(const Coalitions& kept, const std::vector<double>& log_odds, const std::vector<Index>& rows,
                 int count, std::vector<double>* held_out) {
  Rows data{kept, log_odds};
  BoostedTrees model;
  for (const Index row : rows)
    model.base += log_odds[static_cast<std::size_t>(row)] / static_cast<double>(rows.size());
  for (double& r : data.residual) r -= model.base;
  for (int t = 0; t < count; ++t) {
    RegressionTree tree;
    grow(data, rows, kDepth, tree);
    for (Index row = 0; row < kept.size(); ++row)
      data.residual[static_cast<std::size_t>(row)] -= value_of(tree, kept.row(row));
    model.trees.push_back(std::move(tree));
    if (held_out == nullptr) continue;
    double squares = 0;
    for (Index row = 0; row < kept.size(); row += kFold)
      squares += std::pow(data.residual[static_cast<std::size_t>(row)], 2);
    held_out->push_back(squares);
  }
  return model;
}

}  // namespace

double BoostedTrees::value(std::span<const std::uint8_t> member) const {
  return std::accumulate(trees.begin(), trees.end(), base, [&](double sum, const RegressionTree& tree) {
    return sum + value_of(tree, member);
  });
}

BoostedTrees fit_boosted_trees(const Coalitions& kept, const std::vector<double>& log_odds) {
  std::vector<Index> all = counted(kept.size()), most;
  std::ranges::copy_if(all, std::back_inserter(most), [](Index row) { return row % kFold != 0; });
  if (most.empty()) most = all;
  std::vector<double> held_out;
  fit(kept, log_odds, most, kMostTrees, &held_out);
  return fit(kept, log_odds, all, 1 + static_cast<int>(std::ranges::min_element(held_out) - held_out.begin()),
             nullptr);
}

}  // namespace slalom::text_study
