// Labelled bags of a few tokens; token 0 is special.
#pragma once

#include <utility>
#include <vector>

#include "slalom/base/random.hpp"
#include "slalom/bow/bag_of_words.hpp"

namespace slalom::test {

using Text = std::vector<TokenId>;

inline CountedTokens all_but_zero(Index vocabulary) {
  return {vocabulary, [](TokenId id) { return id == 0; }};
}

inline PackedBatch corpus_of(const std::vector<std::pair<Text, int>>& texts) {
  PackedBatch batch;
  for (const auto& [text, label] : texts) batch.add(text, label);
  return batch;
}

/// "good good the" is positive, "bad the" and "bad bad bad good" are negative: good 1, bad 2, the 3; 4 does
/// not occur. Two of them hold the special token.
inline PackedBatch three_reviews() {
  return corpus_of({{{0, 1, 1, 3}, 1}, {{2, 3}, 0}, {{2, 2, 2, 0, 1}, 0}});
}

/// Texts of 1 to `longest` tokens: even ids lean towards label 1, odd ones towards 0.
inline PackedBatch random_corpus(Index texts, Index vocabulary, std::uint32_t longest, std::uint64_t seed) {
  PackedBatch batch;
  for (Index i = 0; i < texts; ++i) {
    Rng rng(seed, Purpose::test, static_cast<std::uint64_t>(i));
    const int label = static_cast<int>(rng.below(2));
    Text text(1 + rng.below(longest));
    for (TokenId& id : text) {
      id = static_cast<TokenId>(rng.below(static_cast<std::uint32_t>(vocabulary)));
      if (id % 2 == label && rng.uniform() < .3) id = (id + 1) % static_cast<TokenId>(vocabulary);
    }
    batch.add(text, label);
  }
  return batch;
}

}  // namespace slalom::test
