// Texts that are longer than a model reads, as overlapping windows of it.
#pragma once

#include <functional>
#include <vector>

#include "slalom/data/rows.hpp"

namespace slalom {

/// A window of a row: its number, of how many, and the first of its `size` tokens, counted without special
/// tokens at the ends.
struct RowWindow {
  Index number = 0, of = 1, first = 0, size = 0;
};

/// Each window has at most `longest` tokens with the special ones at the ends and begins `stride` tokens
/// after the one before it; the last one ends with the text. A row that fits is its only window. Throws Error
/// for a row with two texts that does not fit, and if the special tokens leave no place for text or the
/// stride would leave tokens out.
std::vector<RowWindow> windows_of(const InputRow& row, Index longest, Index stride,
                                  const std::function<bool(TokenId)>& is_special);

/// The window as a row of its own, between the special tokens of the whole one. Scores go with their tokens;
/// text, label and log-odds are of the whole row.
InputRow cut_window(const InputRow& row, const RowWindow& window,
                    const std::function<bool(TokenId)>& is_special);

/// The stride of windows where none is chosen: half of what a window holds.
Index default_stride(const InputRow& row, Index longest, const std::function<bool(TokenId)>& is_special);

}  // namespace slalom
