// Subsets of the tokens of a text, what a classifier says of them, and random deletions.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "slalom/base/index.hpp"
#include "slalom/base/random.hpp"

namespace slalom {

/// m subsets of n players, row-major: member[i · n + j] is 1 if subset i has player j.
struct Coalitions {
  Index players = 0;
  std::vector<std::uint8_t> member;  // (m, n)

  Index size() const { return players == 0 ? 0 : static_cast<Index>(member.size()) / players; }
  std::span<const std::uint8_t> row(Index i) const {
    return std::span(member).subspan(static_cast<std::size_t>(i * players),
                                     static_cast<std::size_t>(players));
  }
  /// Appends a subset that every player is in (member 1) or nobody (0), and returns its row.
  std::span<std::uint8_t> add(std::uint8_t everybody);
};

/// v(S) of each coalition (nats).
using ValueFunction = std::function<std::vector<double>(const Coalitions&)>;

/// values(coalitions); throws Error unless that is a finite number for each of them.
std::vector<double> ask(const ValueFunction& values, const Coalitions& coalitions);

/// Deletions drawn at random: `texts` sets of k distinct tokens for each k = 1 … most (at most n, or n − 1
/// without an empty text); the same purpose and seed give the same sets. Row i of `kept` has removed[i]
/// tokens less.
struct RandomDeletions {
  Coalitions kept;
  std::vector<Index> removed;
};
RandomDeletions random_deletions(Index players, Index most, Index texts, bool empty_text, Purpose purpose,
                                 std::uint64_t seed);

}  // namespace slalom
