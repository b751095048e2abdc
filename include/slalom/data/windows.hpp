// Texts that are longer than a model reads, as overlapping windows of it.
#pragma once

#include <functional>
#include <vector>

#include "slalom/data/rows.hpp"

namespace slalom {

/// One window: a row of its own between the special tokens of the whole one, whose tokens it holds from
/// `first` on (counted without special tokens at the ends).
struct RowWindow {
  InputRow row;
  Index number = 0, of = 1, first = 0;
};

/// Each window has at most `longest` tokens and begins `stride` tokens after the one before it; the last one
/// ends with the text. A row that fits is its only window. Scores go with their tokens; label and log-odds
/// are of the whole text and are kept. Throws Error for a row with two texts that does not fit, and if the
/// special tokens leave no place for text or the stride would leave tokens out.
std::vector<RowWindow> windows_of(const InputRow& row, Index longest, Index stride,
                                  const std::function<bool(TokenId)>& is_special);

/// The stride of windows where none is chosen: half of what a window holds.
Index default_stride(const InputRow& row, Index longest, const std::function<bool(TokenId)>& is_special);

}  // namespace slalom
