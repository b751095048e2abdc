// Packed texts with what is to be learned of them.
#pragma once

#include "slalom/ops/packed.hpp"

namespace slalom {

struct PackedBatch : PackedTexts {
  std::vector<int> labels;      // (B), class numbers
  std::vector<double> targets;  // (B, C), 0 or 1 for each label or numbers, or empty

  /// Targets of text b (C); empty if there are none.
  std::span<const double> targets_of(Index b) const {
    const std::size_t each = targets.size() / labels.size();
    return std::span(targets).subspan(static_cast<std::size_t>(b) * each, each);
  }

  /// As those of PackedTexts.
  void reserve(Index text_count, Index row_count);
  void clear();
  /// `of_tokens` are segments, `of_labels` (C) the text's targets.
  void add(std::span<const TokenId> tokens, int label = 0, std::span<const TokenId> of_tokens = {},
           std::span<const double> of_labels = {});
};

}  // namespace slalom
