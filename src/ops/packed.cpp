#include "slalom/ops/packed.hpp"

namespace slalom {

std::span<const RowOrigin> row_origins(Arena& arena, const PackedTexts& texts) {
  const std::span<RowOrigin> origins = arena.array<RowOrigin>(texts.rows());
  for (Index b = 0, r = 0; b < texts.texts(); ++b)
    for (Index s = 0; s < texts.length(b); ++s, ++r)
      origins[static_cast<std::size_t>(r)] = {static_cast<std::uint32_t>(b), static_cast<std::uint32_t>(s)};
  return origins;
}

}  // namespace slalom
