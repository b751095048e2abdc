#include "slalom/kernels/attention.hpp"

#include <algorithm>
#include <cmath>

#include "slalom/base/parallel.hpp"
#include "slalom/kernels/rowwise.hpp"
#include "slalom/kernels/small_gemm.hpp"

namespace slalom {

namespace {

constexpr Index kQueryBlock = 64;

// Score rows are padded to whole vectors of the widest machine.
Index padded(Index n) {
  return ceil_div(n, 16) * 16;
}

// What one (text, head) pair looks at.
struct Head {
  Index text, head, S, queries, first_key, first_query;

  Head(const AttentionTexts& t, Index item)
      : text(item / t.heads),
        head(item % t.heads),
        S(t.key_begin[text + 1] - t.key_begin[text]),
        queries(t.query_begin[text + 1] - t.query_begin[text]),
        first_key(t.key_begin[text]),
        first_query(t.query_begin[text]) {}

  template <class T>
  T* of(Rows<T> rows, Index first, Index d) const {
    return rows.data + first * rows.stride + head * d;
  }
  // Keys that a query of the item sees.
  Index visible(const AttentionTexts& t, Index query) const {
    return t.causal ? t.query_position[first_query + query] + 1 : S;
  }
};

// Runs body(item) for every (text, head) pair. Of short texts a thread takes several at a time, so that
// handing them out stays small beside the work.
template <class Body>
void for_each_item(const AttentionTexts& t, const Body& body) {
  constexpr Index kPairs = 1024;  // of a query and a key
  const Index grain = std::max<Index>(1, kPairs / std::max<Index>(1, t.longest * t.most_queries));
  parallel_ranges(t.texts * t.heads, grain, [&](Index first, Index last) {
    for (Index item = first; item < last; ++item) body(item);
  });
}

// to (d, padded S) ← transpose of `from` (S rows, d columns); the padding is zero.
template <class T>
void transpose_head(Index S, Index d, const T* from, Index stride, T* to) {
  const Index P = padded(S);
  for (Index c = 0; c < d; ++c) {
    for (Index s = 0; s < S; ++s) to[c * P + s] = from[s * stride + c];
    std::fill(to + c * P + S, to + (c + 1) * P, T{0});
  }
}

// to (S, d) ← the text's rows of `from`, wherever they are stored.
template <class T>
void gather_head(const AttentionTexts& t, const Head& at, Rows<const T> from, T* to) {
  const Index d = t.head_width;
  for (Index s = 0; s < at.S; ++s) std::copy_n(at.of(from, t.key_row[at.first_key + s], d), d, to + s * d);
}

// Scores of the n keys that a query sees ← their weights.
template <class T>
void weights_row(AttentionKind kind, Index n, T* x) {
  switch (kind) {
    case AttentionKind::softmax:
      softmax_row(n, x, x);
      return;
    case AttentionKind::softmax_plus_one: {
      const T share = 1 / (1 + fast_exp(-softmax_row(n, x, x)));  // Z / (1 + Z), Z = Σ e^s
      for (Index j = 0; j < n; ++j) x[j] *= share;
      return;
    }
    case AttentionKind::sigmoid:
#pragma omp simd
      for (Index j = 0; j < n; ++j) x[j] = 1 / (1 + fast_exp(-x[j]));
      return;
    case AttentionKind::linear:
      return;
    case AttentionKind::sum:
      std::fill_n(x, n, T{1});
  }
}

// Gradients of the weights p of S keys, n of them seen ← those of the scores. Of both softmaxes ∂p_j / ∂s_i =
// p_j ([i = j] − p_i).
template <class T>
void weights_row_backward(AttentionKind kind, Index n, Index S, const T* p, T* dx) {
  switch (kind) {
    case AttentionKind::softmax:
    case AttentionKind::softmax_plus_one:
      softmax_row_backward(S, p, dx, T{0}, dx);
      return;
    case AttentionKind::sigmoid:
#pragma omp simd
      for (Index j = 0; j < S; ++j) dx[j] *= p[j] * (1 - p[j]);
      return;
    case AttentionKind::linear:
      std::fill(dx + n, dx + S, T{0});
      return;
    case AttentionKind::sum:
      std::fill_n(dx, S, T{0});
  }
}

// Rows of a pattern, before dropout, are wanted by whoever gives a place for them.
template <class T>
T* pattern_row(const AttentionTexts& t, const Head& at, T* pattern, Index query) {
  return pattern == nullptr ? nullptr
                            : pattern + t.pattern_begin[at.text] + (at.head * at.queries + query) * at.S;
}

// The only query of a text reads stored rows where they lie: nothing is copied for a single use.
template <class T>
void attend_once(const AttentionTexts& t, const Head& at, const T* q, Rows<const T> k, Rows<const T> v,
                 T* scores, T* pattern, T* out) {
  const Index d = t.head_width, *stored = t.key_row + at.first_key;
  const Index visible = at.visible(t, 0);
  const T scale = 1 / std::sqrt(static_cast<T>(d));
  for (Index s = 0; s < visible; ++s) {
    const T* key = at.of(k, stored[s], d);
    T sum = 0;
#pragma omp simd reduction(+ : sum)
    for (Index j = 0; j < d; ++j) sum += q[j] * key[j];
    scores[s] = scale * sum;
  }
  weights_row(t.kind, visible, scores);
  std::fill_n(out, d, T{0});
  for (Index s = 0; s < visible; ++s) {
    const T* value = at.of(v, stored[s], d);
#pragma omp simd
    for (Index j = 0; j < d; ++j) out[j] += scores[s] * value[j];
  }
  if (T* row = pattern_row(t, at, pattern, 0); row != nullptr)
    std::fill(std::copy_n(scores, visible, row), row + at.S, T{0});
}

// Queries first … last − 1 of an item, and the keys that any of them sees: no more than a block of the
// pattern is ever held.
struct QueryBlock {
  Index first, last, S;
  Index size() const { return last - first; }
};
template <class Body>
void for_each_query_block(const AttentionTexts& t, const Head& at, const Body& body) {
  for (Index first = 0; first < at.queries; first += kQueryBlock) {
    const Index last = std::min(first + kQueryBlock, at.queries);
    body(QueryBlock{first, last, at.visible(t, last - 1)});
  }
}

// pattern (block, row stride P) ← the weights of q kᵀ / √d, zero where a query does not look.
template <class T>
void block_pattern(const AttentionTexts& t, const Head& at, const QueryBlock& block, Rows<const T> q,
                   const T* k_transposed, T* pattern) {
  const Index d = t.head_width, P = padded(at.S);
  const T scale = 1 / std::sqrt(static_cast<T>(d));
  small_gemm<T>(block.size(), padded(block.S), d, scale,
                {at.of(q, at.first_query + block.first, d), q.stride, 1}, k_transposed, P, T{0}, pattern, P);
  for (Index i = block.first; i < block.last; ++i, pattern += P) {
    const Index visible = at.visible(t, i);
    weights_row(t.kind, visible, pattern);
    std::fill(pattern + visible, pattern + block.S, T{0});
  }
}

// Each head of a query row draws its own mask.
template <class T>
void pattern_mask(const AttentionTexts& t, const Head& at, const Dropout& dropout, Index query, Index keys,
                  T* mask) {
  const auto row = static_cast<std::uint32_t>(t.query_position[at.first_query + query] * t.heads + at.head);
  dropout_mask(dropout, static_cast<std::uint32_t>(at.text), row, keys, mask);
}

template <class T>
void multiply(Index n, const T* factor, T* row) {
#pragma omp simd
  for (Index j = 0; j < n; ++j) row[j] *= factor[j];
}

}  // namespace

Index attention_scratch(const AttentionTexts& t) {
  // Two heads of keys or values, three blocks of patterns, one mask.
  return (2 * t.head_width + 3 * std::min(kQueryBlock, t.most_queries) + 1) * padded(t.longest);
}

template <class T>
void attention(const AttentionTexts& t, Rows<const T> q, Rows<const T> k, Rows<const T> v,
               const Dropout& dropout, T* out, T* pattern, T* scratch) {
  const Index d = t.head_width, D = t.heads * d;
  const Index per_thread = attention_scratch(t);
  for_each_item(t, [&](Index item) {
    const Head at(t, item);
    const Index S = at.S, P = padded(S);
    T* k_transposed = scratch + thread_number() * per_thread;
    T *gathered = k_transposed + d * P, *mask = gathered + d * P, *block_rows = mask + P;
    const T *keys = at.of(k, at.first_key, d), *values = at.of(v, at.first_key, d);
    Index key_stride = k.stride, value_stride = v.stride;
    if (t.key_row != nullptr) {
      if (at.queries == 1)
        return attend_once(t, at, at.of(q, at.first_query, d), k, v, block_rows, pattern,
                           out + at.first_query * D + at.head * d);
      gather_head(t, at, k, gathered);
      keys = gathered;
      key_stride = d;
    }
    transpose_head(S, d, keys, key_stride, k_transposed);
    if (t.key_row != nullptr) {
      gather_head(t, at, v, gathered);
      values = gathered;
      value_stride = d;
    }
    for_each_query_block(t, at, [&](const QueryBlock& block) {
      block_pattern(t, at, block, q, k_transposed, block_rows);
      for (Index i = block.first; i < block.last; ++i) {
        T* row = block_rows + (i - block.first) * P;
        if (T* kept = pattern_row(t, at, pattern, i); kept != nullptr)
          std::fill(std::copy_n(row, block.S, kept), kept + S, T{0});
        if (!dropout.active()) continue;
        pattern_mask(t, at, dropout, i, block.S, mask);
        multiply(block.S, mask, row);
      }
      small_gemm<T>(block.size(), d, block.S, T{1}, {block_rows, P, 1}, values, value_stride, T{0},
                    out + (at.first_query + block.first) * D + at.head * d, D);
    });
  });
}

// With Z = P V, P = weights(S), S = Q Kᵀ / √d, and dropout as a factor M of P:
//   dV = (M ∘ P)ᵀ dZ, dP = M ∘ (dZ Vᵀ), for softmax dS = P ∘ (dP − rowsum(P ∘ dP)), dQ = dS K / √d, dK = dSᵀ
//   Q / √d.
template <class T>
void attention_backward(const AttentionTexts& t, Rows<const T> q, Rows<const T> k, Rows<const T> v,
                        const Dropout& dropout, const T* dout, T beta_q, Rows<T> dq, T beta_kv, Rows<T> dk,
                        Rows<T> dv, T* scratch) {
  const Index d = t.head_width, D = t.heads * d;
  const T scale = 1 / std::sqrt(static_cast<T>(d));
  const Index per_thread = attention_scratch(t), block_size = std::min(kQueryBlock, t.most_queries);
  for_each_item(t, [&](Index item) {
    const Head at(t, item);
    const Index S = at.S, P = padded(S);
    T* k_transposed = scratch + thread_number() * per_thread;
    T *v_transposed = k_transposed + d * P, *mask = v_transposed + d * P, *p = mask + P;
    T *dscores = p + block_size * P, *dropped = dscores + block_size * P;
    transpose_head(S, d, at.of(k, at.first_key, d), k.stride, k_transposed);
    transpose_head(S, d, at.of(v, at.first_key, d), v.stride, v_transposed);
    if (beta_kv == T{0})
      for (const Rows<T>& rows : {dk, dv})
        for (Index s = 0; s < S; ++s) std::fill_n(at.of(rows, at.first_key + s, d), d, T{0});
    for_each_query_block(t, at, [&](const QueryBlock& block) {
      const Index first = at.first_query + block.first, R = block.size();
      const T* dz = dout + first * D + at.head * d;
      block_pattern(t, at, block, q, k_transposed, p);
      small_gemm<T>(R, padded(block.S), d, T{1}, {dz, D, 1}, v_transposed, P, T{0}, dscores, P);
      for (Index i = 0; i < R; ++i) {
        T *ds = dscores + i * P, *kept = dropped + i * P;
        std::copy_n(p + i * P, block.S, kept);
        if (dropout.active()) {
          pattern_mask(t, at, dropout, block.first + i, block.S, mask);
          multiply(block.S, mask, kept);
          multiply(block.S, mask, ds);
        }
        weights_row_backward(t.kind, at.visible(t, block.first + i), block.S, p + i * P, ds);
      }
      small_gemm<T>(block.S, d, R, T{1}, {dropped, 1, P}, dz, D, T{1}, at.of(dv, at.first_key, d), dv.stride);
      small_gemm<T>(R, d, block.S, scale, {dscores, P, 1}, at.of(k, at.first_key, d), k.stride, beta_q,
                    at.of(dq, first, d), dq.stride);
      small_gemm<T>(block.S, d, R, scale, {dscores, 1, P}, at.of(q, first, d), q.stride, T{1},
                    at.of(dk, at.first_key, d), dk.stride);
    });
  });
}

#define SLALOM_INSTANTIATE(T)                                                                          \
  template void attention(const AttentionTexts&, Rows<const T>, Rows<const T>, Rows<const T>,          \
                          const Dropout&, T*, T*, T*);                                                 \
  template void attention_backward(const AttentionTexts&, Rows<const T>, Rows<const T>, Rows<const T>, \
                                   const Dropout&, const T*, T, Rows<T>, T, Rows<T>, Rows<T>, T*);
SLALOM_INSTANTIATE(float)
SLALOM_INSTANTIATE(double)
#undef SLALOM_INSTANTIATE

}  // namespace slalom
