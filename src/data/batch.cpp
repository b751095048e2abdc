#include "slalom/data/batch.hpp"

#include <algorithm>

#include "slalom/base/error.hpp"

namespace slalom {

std::span<const TokenId> PackedBatch::part(const std::vector<TokenId>& of, Index b) const {
  const auto at = static_cast<std::size_t>(b);
  return std::span(of).subspan(static_cast<std::size_t>(begin[at]),
                               static_cast<std::size_t>(begin[at + 1] - begin[at]));
}

std::span<const TokenId> PackedBatch::types_of(Index b) const {
  if (types.empty()) return {};
  const std::span<const TokenId> of_text = part(types, b);
  return std::ranges::all_of(of_text, [](TokenId type) { return type == 0; }) ? std::span<const TokenId>{}
                                                                              : of_text;
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
  targets.clear();
  types.clear();
}

void PackedBatch::add(std::span<const TokenId> tokens, int label, std::span<const TokenId> of_tokens,
                      std::span<const double> of_labels) {
  if (tokens.empty())
    throw Error(slalom::concat("[batch] text ", texts(), " is empty, wanted a token or more"));
  if (!of_tokens.empty() && of_tokens.size() != tokens.size())
    throw Error(slalom::concat("[batch] text ", texts(), " has ", tokens.size(), " tokens and ",
                               of_tokens.size(), " segments"));
  if (!of_tokens.empty() || !types.empty()) {
    types.resize(ids.size(), 0);
    types.insert(types.end(), of_tokens.begin(), of_tokens.end());
    types.resize(ids.size() + tokens.size(), 0);
  }
  ids.insert(ids.end(), tokens.begin(), tokens.end());
  begin.push_back(rows());
  labels.push_back(label);
  targets.insert(targets.end(), of_labels.begin(), of_labels.end());
}

}  // namespace slalom
