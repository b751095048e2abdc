// Attention of one text and its gradients, number by number in double.
#pragma once

#include <cmath>
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
template <class R>
std::vector<R> attention_weights(AttentionKind kind, const std::vector<R>& scores) {
  using std::exp;
  R sum = kind == AttentionKind::softmax_plus_one ? 1 : 0;
  for (const R& s : scores) sum += exp(s);
  std::vector<R> weights;
  for (const R& s : scores)
    weights.push_back(kind == AttentionKind::sigmoid  ? exp(s) / (R(1) + exp(s))
                      : kind == AttentionKind::linear ? s
                      : kind == AttentionKind::sum    ? R(1)
                                                      : exp(s) / sum);
  return weights;
}

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
