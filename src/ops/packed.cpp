#include "slalom/ops/packed.hpp"

#include <algorithm>

#include "slalom/base/error.hpp"

namespace slalom {

std::span<const TokenId> PackedTexts::part(const std::vector<TokenId>& of, Index b) const {
  return std::span(of).subspan(static_cast<std::size_t>(begin[static_cast<std::size_t>(b)]),
                               static_cast<std::size_t>(length(b)));
}

std::span<const TokenId> PackedTexts::types_of(Index b) const {
  if (types.empty()) return {};
  const std::span<const TokenId> of_text = part(types, b);
  return std::ranges::all_of(of_text, [](TokenId type) { return type == 0; }) ? std::span<const TokenId>{}
                                                                              : of_text;
}

// Between them a −1, which is neither: no text has the key of a longer one.
std::vector<TokenId> PackedTexts::key(Index b) const {
  std::vector<TokenId> key(text(b).begin(), text(b).end());
  if (const std::span<const TokenId> of_text = types_of(b); !of_text.empty()) {
    key.push_back(-1);
    key.insert(key.end(), of_text.begin(), of_text.end());
  }
  return key;
}

void PackedTexts::reserve(Index text_count, Index row_count) {
  ids.reserve(static_cast<std::size_t>(row_count));
  begin.reserve(static_cast<std::size_t>(text_count) + 1);
}

void PackedTexts::clear() {
  ids.clear();
  begin.resize(1);
  types.clear();
}

void PackedTexts::add(std::span<const TokenId> tokens, std::span<const TokenId> of_tokens) {
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
}

PackedTexts packed(std::span<const TokenId> tokens, std::span<const TokenId> types) {
  PackedTexts one;
  one.add(tokens, types);
  return one;
}

std::span<const RowOrigin> row_origins(Arena& arena, const PackedTexts& texts) {
  const std::span<RowOrigin> origins = arena.array<RowOrigin>(texts.rows());
  for (Index b = 0, r = 0; b < texts.texts(); ++b)
    for (Index s = 0; s < texts.length(b); ++s, ++r)
      origins[static_cast<std::size_t>(r)] = {static_cast<std::uint32_t>(b), static_cast<std::uint32_t>(s)};
  return origins;
}

}  // namespace slalom
