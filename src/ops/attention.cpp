#include "slalom/ops/attention.hpp"

#include <algorithm>

#include "slalom/base/parallel.hpp"

namespace slalom {

namespace {

template <class T>
void check(const Tape<T>& tape, Var q, Var keys_values, const PackedTexts& texts, Index heads, Index queries,
           KeyRows keys) {
  const Shape &qs = tape.value(q).shape, &ks = tape.value(keys_values).shape;
  const Index stored = keys.rows.empty() ? texts.rows() : ks[0];
  if (qs.rank != 2 || ks.rank != 2 || ks[1] != 2 * qs[1] || ks[0] != stored || qs[0] != queries)
    throw Error(concat("[attention] q is ", to_string(qs), " and keys_values ", to_string(ks), ", wanted (",
                       queries, ", D) and (", stored, ", 2 D)"));
  if (!keys.rows.empty()) {
    if (tape.recording() == Recording::on)
      throw Error("[attention] stored keys are for tapes that do not record");
    if (std::ssize(keys.rows) != texts.rows() || std::ranges::min(keys.rows) < 0 ||
        std::ranges::max(keys.rows) >= stored)
      throw Error(
          concat("[attention] ", keys.rows.size(), " key rows, wanted ", texts.rows(), " below ", stored));
  }
  if (heads <= 0 || qs[1] % heads != 0)
    throw Error(concat("[attention] ", heads, " heads do not divide the width ", qs[1]));
}

// The layout of texts, queries and patterns, with its arrays in the arena.
AttentionTexts lay_out(Arena& arena, const PackedTexts& texts, QueryRows queries, Index heads, Index width,
                       AttentionRule rule) {
  const Index B = texts.texts();
  const bool all = queries.rows.empty();
  const Index R = all ? texts.rows() : static_cast<Index>(queries.rows.size());
  Index *query_begin = arena.allocate<Index>(B + 1), *pattern_begin = arena.allocate<Index>(B + 1);
  Index* position = arena.allocate<Index>(R);
  Index* key_begin = arena.allocate<Index>(B + 1);
  std::ranges::copy(texts.begin, key_begin);
  AttentionTexts t{B,           heads,    width / heads, key_begin,
                   query_begin, position, pattern_begin, rule.mask == Mask::causal,
                   0,           0,        nullptr,       rule.kind};
  query_begin[0] = pattern_begin[0] = 0;
  Index r = 0;
  for (Index b = 0; b < B; ++b) {
    const Index first = key_begin[b], end = key_begin[b + 1];
    if (end <= first) throw Error(concat("[attention] text ", b, " has no rows"));
    for (; r < R && (all ? r : queries.rows[static_cast<std::size_t>(r)]) < end; ++r)
      position[r] = (all ? r : queries.rows[static_cast<std::size_t>(r)]) - first;
    query_begin[b + 1] = r;
    const Index asked = r - query_begin[b];
    pattern_begin[b + 1] = pattern_begin[b] + heads * asked * (end - first);
    t.longest = std::max(t.longest, end - first);
    t.most_queries = std::max(t.most_queries, asked);
  }
  if (r != R)
    throw Error(concat("[attention] query row ", all ? r : queries.rows[static_cast<std::size_t>(r)],
                       " is outside the ", texts.rows(), " rows"));
  return t;
}

}  // namespace

template <class T>
Var attention(Tape<T>& tape, Var q, Var keys_values, const PackedTexts& texts, Index heads,
              AttentionRule rule, const Dropout& dropout, QueryRows queries, Tensor<T>* pattern,
              KeyRows keys) {
  const Index R = queries.rows.empty() ? texts.rows() : static_cast<Index>(queries.rows.size());
  check(tape, q, keys_values, texts, heads, R, keys);
  const Tensor<T> Q = tape.value(q), KV = tape.value(keys_values);
  const Index D = Q.columns();
  AttentionTexts layout = lay_out(tape.arena(), texts, queries, heads, D, rule);
  if (!keys.rows.empty()) layout.key_row = keys.rows.data();
  const Tensor<T> y = tape.allocate({R, D});
  if (pattern != nullptr) *pattern = tape.allocate({layout.pattern_begin[layout.texts]});
  const Rows<const T> q_rows{Q.data, D}, k_rows{KV.data, 2 * D}, v_rows{KV.data + D, 2 * D};
  {
    const ArenaScope scope(tape.arena());
    attention(layout, q_rows, k_rows, v_rows, dropout, y.data, pattern != nullptr ? pattern->data : nullptr,
              tape.arena().template allocate<T>(attention_scratch(layout) * threads()));
  }

  return tape.record("attention", y, {q, keys_values}, [=](Tape<T>& t, Tensor<const T> dy) {
    const ArenaScope scope(t.arena());
    T* scratch = t.arena().template allocate<T>(attention_scratch(layout) * threads());
    const auto slot = [&](Var v) {
      return t.needs_gradient(v) ? t.gradient_slot(v)
                                 : GradientSlot<T>{t.allocate(t.value(v).shape).data, T{0}};
    };
    const GradientSlot<T> dq = slot(q), dkv = slot(keys_values);
    attention_backward(layout, q_rows, k_rows, v_rows, dropout, dy.data, dq.beta, Rows<T>{dq.data, D},
                       dkv.beta, Rows<T>{dkv.data, 2 * D}, Rows<T>{dkv.data + D, 2 * D}, scratch);
  });
}

template Var attention(Tape<float>&, Var, Var, const PackedTexts&, Index, AttentionRule, const Dropout&,
                       QueryRows, Tensor<float>*, KeyRows);
template Var attention(Tape<double>&, Var, Var, const PackedTexts&, Index, AttentionRule, const Dropout&,
                       QueryRows, Tensor<double>*, KeyRows);

Operation describe_attention() {
  // Three texts of 3, 1 and 2 rows.
  static constexpr Index kLast[] = {2, 3, 5};
  static const PackedTexts kTexts{std::vector<TokenId>(6), {0, 3, 4, 6}};
  const auto with = [](AttentionRule rule, Dropout dropout, QueryRows rows) {
    return [=](Tape<double>& t, std::span<const Var> x) {
      return attention(t, x[0], x[1], kTexts, 2, rule, dropout, rows);
    };
  };
  const Dropout off{}, on{0.3, 17, 2};
  const std::vector<Shape> all = {{6, 4}, {6, 8}}, last = {{3, 4}, {6, 8}};
  return {
      "attention",
      "y = concat_h (weights(q_h k_h^T / sqrt(d)) * dropout mask) v_h, within each text; weights: softmax, "
      "e^s / (1 + sum e^s), sigmoid, s or 1",
      "q (R, D), keys_values (N, 2D); y (R, D); pattern (H, queries, S) a text",
      {{"bidirectional", all, with(Mask::bidirectional, off, {})},
       {"causal", all, with(Mask::causal, off, {})},
       {"bidirectional, dropout", all, with(Mask::bidirectional, on, {})},
       {"causal, dropout", all, with(Mask::causal, on, {})},
       {"read-out rows only", last, with(Mask::bidirectional, off, {kLast})},
       {"read-out rows only, causal, dropout", last, with(Mask::causal, on, {kLast})},
       {"softmax plus one, dropout", all,
        with({Mask::bidirectional, AttentionKind::softmax_plus_one}, on, {})},
       {"sigmoid, causal", all, with({Mask::causal, AttentionKind::sigmoid}, off, {})},
       {"linear, causal, dropout", all, with({Mask::causal, AttentionKind::linear}, on, {})},
       {"sum, causal", all, with({Mask::causal, AttentionKind::sum}, off, {})}}};
}

}  // namespace slalom
