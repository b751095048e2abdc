#pragma once

#include "slalom/autograd/tape.hpp"
#include "slalom/ops/registry.hpp"

namespace slalom {

/// loss = mean over b of log Σ_c exp(x[b][c]) − x[b][label[b]], in nats; logits x (B, C), labels (B) in 0 … C
/// − 1, memory of the caller. Backward: dx[b][c] += (softmax(x[b])[c] − [c = label]) / B · dloss. `each`, if
/// given, receives the B losses. Throws Error for a label outside the classes, naming its text.
template <class T>
Var cross_entropy(Tape<T>& tape, Var logits, std::span<const int> labels, Tensor<T>* each = nullptr);

/// The loss of one text, C logits.
template <class T>
T cross_entropy_of(std::span<const T> logits, int label);

Operation describe_cross_entropy();

}  // namespace slalom
