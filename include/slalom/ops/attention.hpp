#pragma once

#include "slalom/autograd/tape.hpp"
#include "slalom/kernels/attention.hpp"
#include "slalom/ops/packed.hpp"
#include "slalom/ops/registry.hpp"

namespace slalom {

enum class Mask { bidirectional, causal };

/// Which keys a query sees, and how it weighs them.
struct AttentionRule {
  Mask mask;
  AttentionKind kind;
  AttentionRule(Mask m, AttentionKind k = AttentionKind::softmax) : mask(m), kind(k) {}
};

/// Which rows of each text ask: all of them, or the listed rows of the batch (in order, any number a text).
struct QueryRows {
  std::span<const Index> rows;  // (R); empty: all N rows
};

/// Where the key and value of each row of the batch are stored: one row of keys_values may serve many. Only
/// on tapes that do not record.
struct KeyRows {
  std::span<const Index> rows;  // (N); empty: row n in row n
};

/// Multi-head self-attention over packed texts. q (R, D), keys_values (N, 2D) = [k | v] or as `keys` says,
/// H heads of width d = D / H:
///   pattern_h = weights(q_h k_hᵀ / √d) over the text's own rows (causal: those at or before the query),
///   y (R, D) = concat_h (pattern_h ∘ mask) v_h.
/// Dropout applies to the pattern. `pattern`, if given, receives the patterns before
/// dropout as one vector: text by text, each (H, queries, S); otherwise nothing of that size is kept. Throws
/// Error on shape mismatches, heads that do not divide D, or a text without rows.
template <class T>
Var attention(Tape<T>& tape, Var q, Var keys_values, const PackedTexts& texts, Index heads,
              AttentionRule rule, const Dropout& dropout, QueryRows queries = {},
              Tensor<T>* pattern = nullptr, KeyRows keys = {});

Operation describe_attention();

}  // namespace slalom
