// Texts as they lie in memory: one row a token, one text behind the other, nothing padded.
#pragma once

#include <span>
#include <vector>

#include "slalom/autograd/arena.hpp"
#include "slalom/base/index.hpp"

namespace slalom {

/// B texts in N rows. Text b is ids[begin[b]] … ids[begin[b + 1] − 1], special tokens included.
struct PackedTexts {
  std::vector<TokenId> ids;        // (N), N = sum of lengths
  std::vector<Index> begin = {0};  // (B + 1)
  std::vector<TokenId> types{};    // (N) segments, or empty: all 0

  Index texts() const { return std::ssize(begin) - 1; }
  Index rows() const { return std::ssize(ids); }
  Index length(Index b) const {
    return begin[static_cast<std::size_t>(b + 1)] - begin[static_cast<std::size_t>(b)];
  }
  std::span<const TokenId> text(Index b) const { return part(ids, b); }
  /// Segments of text b; empty if all are 0.
  std::span<const TokenId> types_of(Index b) const;
  /// Ids and segments in one list: texts are the same where these are.
  std::vector<TokenId> key(Index b) const;

  /// Memory for that many texts and rows; clear() keeps it, so that reused texts stay off the heap.
  void reserve(Index text_count, Index row_count);
  void clear();
  /// Appends a text and its segments, empty: all 0. Throws Error for an empty text, of which a model has
  /// nothing to read, and for another number of segments.
  void add(std::span<const TokenId> tokens, std::span<const TokenId> of_tokens = {});

 private:
  std::span<const TokenId> part(const std::vector<TokenId>& of, Index b) const;
};

/// One text alone.
PackedTexts packed(std::span<const TokenId> tokens, std::span<const TokenId> types = {});

/// Which text a row belongs to and where in it: what dropout masks depend on, whatever matrix the row lies
/// in.
struct RowOrigin {
  std::uint32_t text, position;
};
/// (N) origins, in the arena.
std::span<const RowOrigin> row_origins(Arena& arena, const PackedTexts& texts);

}  // namespace slalom
