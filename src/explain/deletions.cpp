#include "slalom/explain/deletions.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "slalom/base/error.hpp"

namespace slalom {

std::span<std::uint8_t> Coalitions::add(std::uint8_t everybody) {
  member.resize(member.size() + players, everybody);
  return std::span(member).last(players);
}

std::vector<double> ask(const ValueFunction& values, const Coalitions& coalitions) {
  std::vector<double> answers = values(coalitions);
  if (std::ssize(answers) != coalitions.size())
    throw Error(concat("[game] ", answers.size(), " values, wanted one for each of ", coalitions.size(),
                       " coalitions"));
  for (const double v : answers)
    if (!std::isfinite(v)) throw Error(concat("[game] the value of a coalition is ", v));
  return answers;
}

RandomDeletions random_deletions(Index players, Index most, Index texts, bool empty_text, Purpose purpose,
                                 std::uint64_t seed) {
  RandomDeletions result{{players, {}}, {}};
  std::vector<Index> order(players);
  for (Index k = 1; k <= std::min(most, empty_text ? players : players - 1); ++k)
    for (Index i = 0; i < texts; ++i) {
      // A stream for each set: the sets of k do not change with the number of texts or the largest k.
      Rng rng(seed, purpose, static_cast<std::uint64_t>(k) << 32 | static_cast<std::uint64_t>(i));
      std::iota(order.begin(), order.end(), Index{0});
      const std::span<std::uint8_t> kept = result.kept.add(1);
      for (Index j = 0; j < k; ++j) {  // the first k places of a Fisher-Yates shuffle
        std::swap(order[j], order[j + rng.below(static_cast<std::uint32_t>(players - j))]);
        kept[order[j]] = 0;
      }
      result.removed.push_back(k);
    }
  return result;
}

}  // namespace slalom
