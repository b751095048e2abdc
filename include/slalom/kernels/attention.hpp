// Attention over packed texts, head by head: scores s = q kᵀ / √d (causal: only of keys at or before the
// query) become weights of the keys, the pattern, and out = (pattern ∘ mask) v. B texts, H heads of width d,
// D = H d; text b owns key rows key_begin[b] … key_begin[b + 1] of k and v (S of them) and query rows
// query_begin[b] … query_begin[b + 1] of q (all of its rows, or only its read-out row). Where rows of many
// texts hold the same key and value, they may be stored once: key_row says where.
#pragma once

#include <cstdint>

#include "slalom/kernels/dropout.hpp"

namespace slalom {

/// Weights that a query gives to the keys j that it sees. Only the first are an average's.
enum class AttentionKind {
  softmax,           // e^{s_j} / Σ_i e^{s_i} (Vaswani et al. 2017)
  softmax_plus_one,  // e^{s_j} / (1 + Σ_i e^{s_i}): as if one more key had score 0 and value 0
  sigmoid,           // 1 / (1 + e^{−s_j})
  linear,            // s_j
  sum                // 1, whatever the score
};

struct AttentionTexts {
  Index texts, heads, head_width;
  const Index* key_begin;       // (B + 1)
  const Index* query_begin;     // (B + 1)
  const Index* query_position;  // (R) position of each query row in its text
  const Index* pattern_begin;   // (B + 1) offset of a text's patterns (H, queries, S) in scalars
  bool causal;
  Index longest;                   // largest S
  Index most_queries;              // largest number of query rows of a text
  const Index* key_row = nullptr;  // (N) row of k and v that holds each key row; nullptr: itself
  AttentionKind kind = AttentionKind::softmax;
};

/// Rows of a matrix: head h of row r begins at data + r · stride + h · d.
template <class T>
struct Rows {
  T* data;
  Index stride;
};

/// out (R, D); no dropout with key_row. `pattern`, unless it is null, receives the patterns before dropout:
/// otherwise no more than a block of queries is held at a time. scratch: attention_scratch() scalars for each
/// thread.
template <class T>
void attention(const AttentionTexts& texts, Rows<const T> q, Rows<const T> k, Rows<const T> v,
               const Dropout& dropout, T* out, T* pattern, T* scratch);

/// dq, dk, dv += …, each with its own beta; without key_row. Patterns are computed anew, block by block.
template <class T>
void attention_backward(const AttentionTexts& texts, Rows<const T> q, Rows<const T> k, Rows<const T> v,
                        const Dropout& dropout, const T* dout, T beta_q, Rows<T> dq, T beta_kv, Rows<T> dk,
                        Rows<T> dv, T* scratch);

/// Scalars of scratch that one thread needs.
Index attention_scratch(const AttentionTexts& texts);

}  // namespace slalom
