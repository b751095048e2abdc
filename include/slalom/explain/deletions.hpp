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
  /// How many players subset i has not.
  Index absent(Index i) const;
  /// Appends a subset that every player is in (member 1) or nobody (0), and returns its row.
  std::span<std::uint8_t> add(std::uint8_t everybody);
  /// Appends this subset (n); those that the last one has not.
  void add(std::span<const std::uint8_t> subset);
  void add_complement();
};

/// v(S) of each coalition (nats).
using ValueFunction = std::function<std::vector<double>(const Coalitions&)>;

/// values(coalitions); throws Error unless that is a finite number for each of them.
std::vector<double> checked_values(const ValueFunction& values, const Coalitions& coalitions);

/// Sets k entries of the row (n), drawn without replacement: the first k steps of a Fisher-Yates shuffle of
/// `order`, which holds the numbers 0 … n − 1 in any order.
void set_random(Index k, std::uint8_t member, Rng& rng, std::vector<Index>& order,
                std::span<std::uint8_t> row);
/// 0 … n − 1.
std::vector<Index> counted(Index n);

/// n deletions, of each player once.
Coalitions single_deletions(Index players);
/// Deletions drawn at random: `texts` sets of k distinct tokens for each k = 1 … most (at most n, or n − 1
/// without an empty text), those of one token first; the same purpose and seed give the same sets.
Coalitions random_deletions(Index players, Index most, Index texts, bool empty_text, Purpose purpose,
                            std::uint64_t seed);
/// Appends `count` of the same sets, of least … most tokens in turn; none if `most` is less than `least`.
void add_deletions_in_turn(Index least, Index most, Index count, Purpose purpose, std::uint64_t seed,
                           Coalitions& to);

}  // namespace slalom
