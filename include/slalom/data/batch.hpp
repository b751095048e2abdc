// A batch of texts as packed rows: one after the other, nothing padded.
#pragma once

#include <span>
#include <vector>

#include "slalom/base/index.hpp"
#include "slalom/ops/packed.hpp"

namespace slalom {

/// Text b is ids[begin[b]] … ids[begin[b + 1] − 1], special tokens included.
struct PackedBatch {
  std::vector<TokenId> ids;        // (N), N = sum of lengths
  std::vector<Index> begin = {0};  // (B + 1)
  std::vector<int> labels;         // (B), class numbers
  std::vector<double> targets;     // (B, C), 0 or 1 for each label or numbers, or empty
  std::vector<TokenId> types;      // (N) segments, or empty: all 0

  Index texts() const { return static_cast<Index>(labels.size()); }
  Index rows() const { return static_cast<Index>(ids.size()); }
  std::span<const TokenId> text(Index b) const { return part(ids, b); }
  /// Segments of text b; empty if all are 0.
  std::span<const TokenId> types_of(Index b) const;
  /// Targets of text b (C); empty if there are none.
  std::span<const double> targets_of(Index b) const {
    const std::size_t each = targets.size() / labels.size();
    return std::span(targets).subspan(static_cast<std::size_t>(b) * each, each);
  }
  /// What a model reads; the batch must outlive it.
  PackedTexts packed() const { return {ids, begin, types}; }

  /// Memory for that many texts and rows; clear() keeps it, so a reused batch stays off the heap.
  void reserve(Index text_count, Index row_count);
  void clear();
  /// `of_tokens` are their segments, empty: all 0; `of_labels` (C) the text's targets. Throws Error for an
  /// empty text: a model has nothing to read out of it.
  void add(std::span<const TokenId> tokens, int label = 0, std::span<const TokenId> of_tokens = {},
           std::span<const double> of_labels = {});

 private:
  std::span<const TokenId> part(const std::vector<TokenId>& of, Index b) const;
};

}  // namespace slalom
