// A batch of texts as packed rows: one after the other, nothing padded.
#pragma once

#include <span>
#include <vector>

#include "slalom/base/parallel.hpp"
#include "slalom/base/token.hpp"

namespace slalom {

/// Text b is ids[begin[b]] … ids[begin[b + 1] − 1], special tokens included.
struct PackedBatch {
  std::vector<TokenId> ids;        // (N), N = sum of lengths
  std::vector<Index> begin = {0};  // (B + 1)
  std::vector<int> labels;         // (B), class numbers

  Index texts() const { return static_cast<Index>(labels.size()); }
  Index rows() const { return static_cast<Index>(ids.size()); }
  std::span<const TokenId> text(Index b) const;

  /// Memory for that many texts and rows; clear() keeps it, so a reused batch stays off the heap.
  void reserve(Index text_count, Index row_count);
  void clear();
  /// Throws Error for an empty text: a model has nothing to read out of it.
  void add(std::span<const TokenId> tokens, int label = 0);
};

}  // namespace slalom
