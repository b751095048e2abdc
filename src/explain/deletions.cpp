#include "slalom/explain/deletions.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "slalom/base/error.hpp"

namespace slalom {

Index Coalitions::absent(Index i) const {
  return std::ranges::count(row(i), 0);
}

std::span<std::uint8_t> Coalitions::add(std::uint8_t everybody) {
  member.resize(member.size() + players, everybody);
  return std::span(member).last(players);
}

void Coalitions::add(std::span<const std::uint8_t> subset) {
  std::ranges::copy(subset, add(0).begin());
}

void Coalitions::add_complement() {
  const Index last = size() - 1;
  const std::span<std::uint8_t> complement = add(1);
  for (Index j = 0; j < players; ++j)
    if (row(last)[j] != 0) complement[j] = 0;
}

std::vector<double> checked_values(const ValueFunction& values, const Coalitions& coalitions) {
  std::vector<double> found = values(coalitions);
  if (std::ssize(found) != coalitions.size())
    throw Error(concat("[game] ", found.size(), " values, wanted one for each of ", coalitions.size(),
                       " coalitions"));
  for (const double v : found)
    if (!std::isfinite(v)) throw Error(concat("[game] the value of a coalition is ", v));
  return found;
}

void set_random(Index k, std::uint8_t member, Rng& rng, std::vector<Index>& order,
                std::span<std::uint8_t> row) {
  for (Index j = 0; j < k; ++j) {
    std::swap(order[j], order[j + rng.below(static_cast<std::uint32_t>(std::ssize(order) - j))]);
    row[order[j]] = member;
  }
}

std::vector<Index> counted(Index n) {
  std::vector<Index> numbers(static_cast<std::size_t>(n));
  std::iota(numbers.begin(), numbers.end(), Index{0});
  return numbers;
}

Coalitions single_deletions(Index players) {
  Coalitions kept{players, {}};
  for (Index i = 0; i < players; ++i) kept.add(1)[i] = 0;
  return kept;
}

namespace {

// Each set has a stream of its own: it does not change with the number of sets or the largest k.
void add_deletion(Index k, Index number, Purpose purpose, std::uint64_t seed, Coalitions& to) {
  Rng rng(seed, purpose, static_cast<std::uint64_t>(k) << 32 | static_cast<std::uint64_t>(number));
  std::vector<Index> order = counted(to.players);
  set_random(k, 0, rng, order, to.add(1));
}

}  // namespace

Coalitions random_deletions(Index players, Index most, Index texts, bool empty_text, Purpose purpose,
                            std::uint64_t seed) {
  Coalitions kept{players, {}};
  for (Index k = 1; k <= std::min(most, empty_text ? players : players - 1); ++k)
    for (Index i = 0; i < texts; ++i) add_deletion(k, i, purpose, seed, kept);
  return kept;
}

void add_deletions_in_turn(Index least, Index most, Index count, Purpose purpose, std::uint64_t seed,
                           Coalitions& to) {
  const Index sizes = most - least + 1;
  for (Index i = 0; sizes > 0 && i < count; ++i)
    add_deletion(least + i % sizes, i / sizes, purpose, seed, to);
}

}  // namespace slalom
