// What training lowers: Hugging Face's loss of a classifier with such outputs.
#pragma once

#include "slalom/autograd/tape.hpp"
#include "slalom/data/batch.hpp"
#include "slalom/nn/problem_type.hpp"

namespace slalom {

/// Logits (B, C) of the texts → (): mean cross-entropy of their labels (nats), binary cross-entropy averaged
/// over texts and labels (nats), or mean squared error. Throws Error for a label that is no class, and unless
/// there are C targets a text where targets are what is wanted.
template <class T>
Var loss(Tape<T>& tape, Var logits, const PackedBatch& texts, ProblemType type);

/// The same of one text, C logits; `targets` (C) of a multi-label or regression text.
template <class T>
T loss_of(std::span<const T> logits, int label, std::span<const double> targets, ProblemType type);

/// The label has the largest logit; with several labels, the signs of all logits are right. Regression has no
/// right answers.
template <class T>
bool is_right(std::span<const T> logits, int label, std::span<const double> targets, ProblemType type);

}  // namespace slalom
