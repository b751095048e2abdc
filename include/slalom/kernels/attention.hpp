// Scaled dot-product attention over packed texts, head by head (Vaswani et al. 2017):
//   pattern = softmax(q kᵀ / √d) (causal: only keys at or before the query), out = (pattern ∘ mask) v.
// B texts, H heads of width d, D = H d; text b owns key rows key_begin[b] … key_begin[b + 1] of k and v (S of
// them) and query rows query_begin[b] … query_begin[b + 1] of q (all of its rows, or only its read-out row).
// Where rows of many texts hold the same key and value, they may be stored once: key_row says where.
#pragma once

#include <cstdint>

#include "slalom/kernels/dropout.hpp"

namespace slalom {

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
