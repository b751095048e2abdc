// Floating-point operations that a pass cannot do without.
#pragma once

#include "slalom/nn/config.hpp"
#include "slalom/ops/packed.hpp"

namespace slalom {

/// Multiplications and additions of the matrix products of one forward pass over the texts (S tokens each),
/// the last block at read-out rows only. A block of R query rows and N rows of keys and values costs 2 D (2 N
/// D + 2 R D + 2 R F) for its projections and 4 R S D for its attention; everything that is no product is
/// left out.
double forward_flops(const ClassifierConfig& config, const PackedTexts& texts);

/// Forward and backward: each product has two more, for its input's and its weight's gradient.
inline double training_flops(const ClassifierConfig& config, const PackedTexts& texts) {
  return 3 * forward_flops(config, texts);
}

/// Scalars of memory that a row of a batch takes in a forward pass without recording, its patterns over a
/// text of `longest` rows included: the rows of a block's input, queries, keys, values, sums and
/// feed-forward.
inline Index forward_scalars_per_row(const ClassifierConfig& config, Index longest) {
  return 10 * config.width + config.feed_forward + config.heads * longest;
}

}  // namespace slalom
