// Dropout masks as a pure function of (stream, site, text, row, column): nothing is stored, the backward pass
// draws the same mask again, and neither packing nor threads can change it.
#pragma once

#include <cstdint>

#include "slalom/base/index.hpp"

namespace slalom {

/// One site of one pass: `key` names the stream (seed and step), `site` the place in the model.
struct Dropout {
  double rate = 0;
  std::uint64_t key = 0;
  std::uint32_t site = 0;
  bool active() const { return rate > 0; }
};

/// mask[j] ← 0 with probability `rate`, else 1 / (1 − rate), for columns j = 0 … n − 1 of one row. `row` and
/// `text` identify the row whatever matrix it lies in: its position in its text (attention: query position
/// and head), and the text's number.
template <class T>
void dropout_mask(const Dropout& dropout, std::uint32_t text, std::uint32_t row, Index n, T* mask);

}  // namespace slalom
