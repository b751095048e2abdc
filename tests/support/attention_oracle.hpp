// Attention of one text and its gradients, number by number in double.
#pragma once

#include <vector>

#include "slalom/kernels/attention.hpp"

namespace slalom::test {

/// R queries at the given positions of a text of S tokens; H heads of width d, D = H d.
struct AttentionText {
  Index heads, head_width, length;
  std::vector<Index> position;  // (R)
  bool causal = false;
  Dropout dropout{};
  std::uint32_t number = 0;  // of the text, for dropout
  AttentionKind kind = AttentionKind::softmax;
};

/// Weights of the keys that a query sees, from their scores.
std::vector<double> attention_weights(AttentionKind kind, const std::vector<double>& scores);

struct AttentionValues {
  std::vector<double> pattern;  // (H, R, S)
  std::vector<double> out;      // (R, D)
};

/// q (R, D), k and v (S, D).
AttentionValues attend(const AttentionText& text, const std::vector<double>& q, const std::vector<double>& k,
                       const std::vector<double>& v);

struct AttentionGradients {
  std::vector<double> dq, dk, dv;
};

AttentionGradients attend_backward(const AttentionText& text, const std::vector<double>& q,
                                   const std::vector<double>& k, const std::vector<double>& v,
                                   const std::vector<double>& dout);

}  // namespace slalom::test
