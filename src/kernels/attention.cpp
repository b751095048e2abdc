#include "slalom/kernels/attention.hpp"

#include <omp.h>

#include <algorithm>
#include <cmath>

#include "slalom/kernels/rowwise.hpp"
#include "slalom/kernels/small_gemm.hpp"

namespace slalom {

namespace {

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
  Index pattern_offset(const AttentionTexts& t) const { return t.pattern_begin[text] + head * queries * S; }
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

// The only query of a text reads stored rows where they lie: nothing is copied for a single use.
template <class T>
void attend_once(const AttentionTexts& t, const Head& at, const T* q, Rows<const T> k, Rows<const T> v,
                 T scale, T* scores, T* pattern, T* out) {
  const Index d = t.head_width, *stored = t.key_row + at.first_key;
  const Index visible = t.causal ? t.query_position[at.first_query] + 1 : at.S;
  for (Index s = 0; s < visible; ++s) {
    const T* key = at.of(k, stored[s], d);
    T sum = 0;
#pragma omp simd reduction(+ : sum)
    for (Index j = 0; j < d; ++j) sum += q[j] * key[j];
    scores[s] = scale * sum;
  }
  softmax_row(visible, scores, pattern);
  std::fill(pattern + visible, pattern + at.S, T{0});
  std::fill_n(out, d, T{0});
  for (Index s = 0; s < visible; ++s) {
    const T* value = at.of(v, stored[s], d);
#pragma omp simd
    for (Index j = 0; j < d; ++j) out[j] += pattern[s] * value[j];
  }
}

// Each head of a query row draws its own mask.
template <class T>
void pattern_mask(const AttentionTexts& t, const Head& at, const Dropout& dropout, Index query, T* mask) {
  const auto row = static_cast<std::uint32_t>(t.query_position[at.first_query + query] * t.heads + at.head);
  dropout_mask(dropout, static_cast<std::uint32_t>(at.text), row, at.S, mask);
}

}  // namespace

Index attention_scratch(const AttentionTexts& t) {
  const Index P = padded(t.longest);
  return t.head_width * P + 2 * t.most_queries * P + P + (t.key_row != nullptr ? t.head_width * P : 0);
}

template <class T>
void attention(const AttentionTexts& t, Rows<const T> q, Rows<const T> k, Rows<const T> v,
               const Dropout& dropout, T* out, T* pattern, T* scratch) {
  const Index d = t.head_width, D = t.heads * d;
  const T scale = 1 / std::sqrt(static_cast<T>(d));
  const Index per_thread = attention_scratch(t);
  for_each_item(t, [&](Index item) {
    const Head at(t, item);
    const Index S = at.S, P = padded(S);
    T* k_transposed = scratch + omp_get_thread_num() * per_thread;
    T *scores = k_transposed + d * P, *mask = scores + at.queries * P;
    T *gathered = mask + at.queries * P, *p = pattern + at.pattern_offset(t);
    const T *asking = at.of(q, at.first_query, d), *keys = at.of(k, at.first_key, d),
            *values = at.of(v, at.first_key, d);
    Index key_stride = k.stride, value_stride = v.stride;
    if (t.key_row != nullptr) {
      if (at.queries == 1)
        return attend_once(t, at, asking, k, v, scale, scores, p, out + at.first_query * D + at.head * d);
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
    small_gemm<T>(at.queries, P, d, scale, {asking, q.stride, 1}, k_transposed, P, T{0}, scores, P);
    for (Index i = 0; i < at.queries; ++i, p += S) {
      const Index visible = t.causal ? t.query_position[at.first_query + i] + 1 : S;
      T* row = scores + i * P;
      softmax_row(visible, row, p);
      std::fill(p + visible, p + S, T{0});
      std::copy(p, p + S, row);
      if (!dropout.active()) continue;
      pattern_mask(t, at, dropout, i, mask);
#pragma omp simd
      for (Index j = 0; j < S; ++j) row[j] *= mask[j];
    }
    small_gemm<T>(at.queries, d, S, T{1}, {scores, P, 1}, values, value_stride, T{0},
                  out + at.first_query * D + at.head * d, D);
  });
}

template <class T>
void attention_backward(const AttentionTexts& t, Rows<const T> q, Rows<const T> k, Rows<const T> v,
                        const T* pattern, const Dropout& dropout, const T* dout, T beta_q, Rows<T> dq,
                        T beta_kv, Rows<T> dk, Rows<T> dv, T* scratch) {
  const Index d = t.head_width, D = t.heads * d;
  const T scale = 1 / std::sqrt(static_cast<T>(d));
  const Index per_thread = attention_scratch(t);
  for_each_item(t, [&](Index item) {
    const Head at(t, item);
    const Index S = at.S, P = padded(S), R = at.queries;
    T* v_transposed = scratch + omp_get_thread_num() * per_thread;
    T *dscores = v_transposed + d * P, *dropped = dscores + R * P, *mask = dropped + R * P;
    const T* dz = dout + at.first_query * D + at.head * d;
    transpose_head(S, d, at.of(v, at.first_key, d), v.stride, v_transposed);
    small_gemm<T>(R, P, d, T{1}, {dz, D, 1}, v_transposed, P, T{0}, dscores, P);  // of the dropped pattern
    const T* p = pattern + at.pattern_offset(t);
    for (Index i = 0; i < R; ++i, p += S) {
      T *ds = dscores + i * P, *kept = dropped + i * P;
      std::copy(p, p + S, kept);
      if (dropout.active()) {
        pattern_mask(t, at, dropout, i, mask);
#pragma omp simd
        for (Index j = 0; j < S; ++j) {
          kept[j] *= mask[j];
          ds[j] *= mask[j];
        }
      }
      softmax_row_backward(S, p, ds, T{0}, ds);
    }
    small_gemm<T>(S, d, R, T{1}, {dropped, 1, P}, dz, D, beta_kv, at.of(dv, at.first_key, d), dv.stride);
    small_gemm<T>(R, d, S, scale, {dscores, P, 1}, at.of(k, at.first_key, d), k.stride, beta_q,
                  at.of(dq, at.first_query, d), dq.stride);
    small_gemm<T>(S, d, R, scale, {dscores, 1, P}, at.of(q, at.first_query, d), q.stride, beta_kv,
                  at.of(dk, at.first_key, d), dk.stride);
  });
}

#define SLALOM_INSTANTIATE(T)                                                                          \
  template void attention(const AttentionTexts&, Rows<const T>, Rows<const T>, Rows<const T>,          \
                          const Dropout&, T*, T*, T*);                                                 \
  template void attention_backward(const AttentionTexts&, Rows<const T>, Rows<const T>, Rows<const T>, \
                                   const T*, const Dropout&, const T*, T, Rows<T>, T, Rows<T>, Rows<T>, T*);
SLALOM_INSTANTIATE(float)
SLALOM_INSTANTIATE(double)
#undef SLALOM_INSTANTIATE

}  // namespace slalom
