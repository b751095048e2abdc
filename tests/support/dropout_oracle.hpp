// Dropout masks element by element, straight from philox().
#pragma once

#include <cmath>

#include "slalom/base/random.hpp"
#include "slalom/kernels/dropout.hpp"

namespace slalom::test {

/// Element `column` of a row's mask. 64 columns share 16 blocks: column 64 c + 16 w + l is word w of block
/// 16 c + l.
inline double mask_element(const Dropout& dropout, std::uint32_t text, std::uint32_t row, Index column) {
  if (dropout.rate == 0) return 1;
  const auto block = static_cast<std::uint32_t>(16 * (column / 64) + column % 16);
  const PhiloxBlock words = philox({block, row, text, dropout.site}, dropout.key);
  const std::uint32_t word = words[static_cast<std::size_t>(column % 64 / 16)];
  return word >= std::round(dropout.rate * 0x1p32) ? 1 / (1 - dropout.rate) : 0;
}

/// The same for a matrix of `width` columns, whose rows are drawn in pieces of 512 columns.
inline double matrix_mask_element(const Dropout& dropout, std::uint32_t text, std::uint32_t position,
                                  Index width, Index column) {
  const Index pieces = (width + 511) / 512;
  return mask_element(dropout, text, static_cast<std::uint32_t>(position * pieces + column / 512),
                      column % 512);
}

}  // namespace slalom::test
