#include "slalom/data/batch.hpp"

#include "slalom/base/error.hpp"

namespace slalom {

std::span<const TokenId> PackedBatch::text(Index b) const {
  const auto at = static_cast<std::size_t>(b);
  return std::span(ids).subspan(static_cast<std::size_t>(begin[at]),
                                static_cast<std::size_t>(begin[at + 1] - begin[at]));
}

void PackedBatch::reserve(Index text_count, Index row_count) {
  ids.reserve(static_cast<std::size_t>(row_count));
  begin.reserve(static_cast<std::size_t>(text_count) + 1);
  labels.reserve(static_cast<std::size_t>(text_count));
}

void PackedBatch::clear() {
  ids.clear();
  begin.resize(1);
  labels.clear();
}

void PackedBatch::add(std::span<const TokenId> tokens, int label) {
  if (tokens.empty())
    throw Error(slalom::text("[batch] text ", texts(), " is empty, wanted a token or more"));
  ids.insert(ids.end(), tokens.begin(), tokens.end());
  begin.push_back(rows());
  labels.push_back(label);
}

}  // namespace slalom
