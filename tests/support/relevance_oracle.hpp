// AttnLRP once more, the plain way: the published equations on relevances, element by element in double.
#pragma once

#include <span>
#include <utility>
#include <vector>

#include "slalom/nn/classifier.hpp"

namespace slalom::test {

struct OracleRelevance {
  std::vector<double> token;         // (S)
  double position = 0, type = 0;     // of the position and type embeddings of all tokens
  std::vector<double> linear_parts;  // (C) slope · logit: their sum is the linear part of F
  /// Relevance of all elements of the head's input, of each block's middle (where it has a feed-forward
  /// network) and input from the last to the first, and of the sum of the embeddings.
  std::vector<double> totals;
};

/// Relevances for the log-odds of `target`; epsilon as in attn_lrp.
OracleRelevance oracle_relevance(const Classifier<double>& model, std::span<const TokenId> ids,
                                 std::span<const TokenId> types, Index target, double epsilon);

}  // namespace slalom::test
