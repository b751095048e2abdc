#include "slalom/data/batch.hpp"

namespace slalom {

void PackedBatch::reserve(Index text_count, Index row_count) {
  PackedTexts::reserve(text_count, row_count);
  labels.reserve(static_cast<std::size_t>(text_count));
}

void PackedBatch::clear() {
  PackedTexts::clear();
  labels.clear();
  targets.clear();
}

void PackedBatch::add(std::span<const TokenId> tokens, int label, std::span<const TokenId> of_tokens,
                      std::span<const double> of_labels) {
  PackedTexts::add(tokens, of_tokens);
  labels.push_back(label);
  targets.insert(targets.end(), of_labels.begin(), of_labels.end());
}

}  // namespace slalom
