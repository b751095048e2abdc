#include "slalom/kernels/attention.hpp"

#include <doctest/doctest.h>

#include <numeric>

#include "../support/attention_oracle.hpp"
#include "../support/compare.hpp"
#include "../support/random_values.hpp"
#include "slalom/base/parallel.hpp"

using namespace slalom;
using test::random_values;

namespace {

constexpr Index kLengths[] = {1, 2, 17, 33, 70, 131};

enum class Queries { all, last, some };

// Several texts packed for the kernel, with every array it wants.
template <class T>
struct Batch {
  Index heads, d;
  bool causal;
  Dropout dropout;
  std::vector<Index> key_begin{0}, query_begin{0}, position, pattern_begin{0};
  std::vector<T> q, kv, dout;
  AttentionTexts texts{};

  Batch(Index h, Index width, bool only_earlier, double rate, Queries queries,
        AttentionKind kind = AttentionKind::softmax)
      : heads(h), d(width), causal(only_earlier), dropout{rate, 77, 5} {
    for (const Index S : kLengths) {
      for (Index s = 0; s < S; ++s)
        if (queries == Queries::all || s == S - 1 || (queries == Queries::some && s % 3 == 1))
          position.push_back(s);
      key_begin.push_back(key_begin.back() + S);
      query_begin.push_back(std::ssize(position));
      const Index asked = query_begin.back() - query_begin[query_begin.size() - 2];
      pattern_begin.push_back(pattern_begin.back() + heads * asked * S);
      texts.most_queries = std::max(texts.most_queries, asked);
    }
    q = random_values<T>(R() * D(), 1);
    kv = random_values<T>(N() * 2 * D(), 2);
    dout = random_values<T>(R() * D(), 3);
    texts = {std::ssize(kLengths), heads,  d,   key_begin.data(),  query_begin.data(), position.data(),
             pattern_begin.data(), causal, 131, texts.most_queries};
    texts.kind = kind;
  }
  Index D() const { return heads * d; }
  Index N() const { return key_begin.back(); }
  Index R() const { return std::ssize(position); }
  std::vector<T> scratch() const {
    return std::vector<T>(static_cast<std::size_t>(attention_scratch(texts) * threads()),
                          std::numeric_limits<T>::quiet_NaN());
  }
  Rows<const T> queries() const { return {q.data(), D()}; }
  Rows<const T> keys() const { return {kv.data(), 2 * D()}; }
  Rows<const T> values() const { return {kv.data() + D(), 2 * D()}; }

  test::AttentionText oracle(std::size_t b) const {
    return {heads,
            d,
            key_begin[b + 1] - key_begin[b],
            {position.begin() + query_begin[b], position.begin() + query_begin[b + 1]},
            causal,
            dropout,
            static_cast<std::uint32_t>(b),
            texts.kind};
  }
};

// Columns [first, first + columns) of rows [from, to).
template <class T>
std::vector<double> part(const std::vector<T>& m, Index stride, Index from, Index to, Index first,
                         Index columns) {
  std::vector<double> y;
  for (Index r = from; r < to; ++r)
    for (Index c = first; c < first + columns; ++c)
      y.push_back(static_cast<double>(m[static_cast<std::size_t>(r * stride + c)]));
  return y;
}

template <class T>
struct OracleRows {
  std::vector<double> q, k, v, dout;
  OracleRows(const Batch<T>& b, std::size_t t)
      : q(part(b.q, b.D(), b.query_begin[t], b.query_begin[t + 1], 0, b.D())),
        k(part(b.kv, 2 * b.D(), b.key_begin[t], b.key_begin[t + 1], 0, b.D())),
        v(part(b.kv, 2 * b.D(), b.key_begin[t], b.key_begin[t + 1], b.D(), b.D())),
        dout(part(b.dout, b.D(), b.query_begin[t], b.query_begin[t + 1], 0, b.D())) {}
};

template <class T>
constexpr double kTolerance = sizeof(T) == 4 ? 2e-5 : 1e-12;

template <class T>
void check_forward(const Batch<T>& b) {
  constexpr T nan = std::numeric_limits<T>::quiet_NaN();
  std::vector<T> out(b.q.size(), nan), pattern(static_cast<std::size_t>(b.pattern_begin.back()), nan),
      scratch = b.scratch();
  attention<T>(b.texts, b.queries(), b.keys(), b.values(), b.dropout, out.data(), pattern.data(),
               scratch.data());
  for (std::size_t t = 0; t < std::size(kLengths); ++t) {
    const OracleRows<T> rows(b, t);
    const test::AttentionValues want = test::attend(b.oracle(t), rows.q, rows.k, rows.v);
    CHECK(test::relative_error(part(pattern, 1, b.pattern_begin[t], b.pattern_begin[t + 1], 0, 1),
                               want.pattern) < kTolerance<T>);
    CHECK(test::relative_error(part(out, b.D(), b.query_begin[t], b.query_begin[t + 1], 0, b.D()), want.out) <
          kTolerance<T>);
  }
  std::vector<T> without_pattern(b.q.size(), nan);
  attention<T>(b.texts, b.queries(), b.keys(), b.values(), b.dropout, without_pattern.data(), nullptr,
               scratch.data());
  CHECK(without_pattern == out);
}

// beta 0 must not read what was there; beta 1 adds to it.
template <class T>
void check_backward(const Batch<T>& b, T beta_q, T beta_kv) {
  constexpr T nan = std::numeric_limits<T>::quiet_NaN();
  std::vector<T> dq(b.q.size(), beta_q == T{0} ? nan : T{1}), dkv(b.kv.size(), beta_kv == T{0} ? nan : T{2}),
      scratch = b.scratch();
  attention_backward<T>(b.texts, b.queries(), b.keys(), b.values(), b.dropout, b.dout.data(), beta_q,
                        {dq.data(), b.D()}, beta_kv, {dkv.data(), 2 * b.D()}, {dkv.data() + b.D(), 2 * b.D()},
                        scratch.data());
  for (std::size_t t = 0; t < std::size(kLengths); ++t) {
    const OracleRows<T> rows(b, t);
    test::AttentionGradients want = test::attend_backward(b.oracle(t), rows.q, rows.k, rows.v, rows.dout);
    for (double& x : want.dq) x += static_cast<double>(beta_q);
    for (auto* part_of_kv : {&want.dk, &want.dv})
      for (double& x : *part_of_kv) x += 2 * static_cast<double>(beta_kv);
    const auto near = [&](const std::vector<double>& got, const std::vector<double>& expected) {
      double worst = 0;  // one token has one weight, 1, and so no gradient but rounding
      for (std::size_t i = 0; i < expected.size(); ++i) worst = std::max(worst, std::abs(expected[i]));
      for (std::size_t i = 0; i < expected.size(); ++i)
        REQUIRE(std::abs(got[i] - expected[i]) <= kTolerance<T> * std::max(worst, 1.0));
    };
    near(part(dq, b.D(), b.query_begin[t], b.query_begin[t + 1], 0, b.D()), want.dq);
    near(part(dkv, 2 * b.D(), b.key_begin[t], b.key_begin[t + 1], 0, b.D()), want.dk);
    near(part(dkv, 2 * b.D(), b.key_begin[t], b.key_begin[t + 1], b.D(), b.D()), want.dv);
  }
}

template <class T>
void check(Index heads, Index d, bool causal, double rate, Queries queries,
           AttentionKind kind = AttentionKind::softmax) {
  CAPTURE(d);
  CAPTURE(causal);
  CAPTURE(rate);
  const Batch<T> batch(heads, d, causal, rate, queries, kind);
  check_forward(batch);
  check_backward(batch, T{0}, T{1});
  check_backward(batch, T{1}, T{0});
}

}  // namespace

TEST_CASE_TEMPLATE("attention and its gradients, head by head against plain loops", T, float, double) {
  for (const Index d : {1, 8, 20, 64})
    for (const bool causal : {false, true})
      for (const double rate : {0.0, 0.3}) {
        check<T>(d == 64 ? 1 : 3, d, causal, rate, Queries::all);
        check<T>(d == 64 ? 1 : 3, d, causal, rate, Queries::last);
      }
  check<T>(2, 5, true, 0.3, Queries::some);
}

TEST_CASE_TEMPLATE("every kind of attention and its gradients against plain loops", T, float, double) {
  for (const AttentionKind kind :
       {AttentionKind::softmax_plus_one, AttentionKind::sigmoid, AttentionKind::linear, AttentionKind::sum})
    for (const bool causal : {false, true}) {
      CAPTURE(static_cast<int>(kind));
      check<T>(3, 8, causal, 0.3, Queries::all, kind);
      check<T>(3, 8, causal, 0.0, Queries::last, kind);
    }
}

TEST_CASE("attention: the same bits on one and two threads") {
  const int before = threads();
  const Batch<float> b(3, 20, false, 0.2, Queries::all);
  std::vector<float> out[2], pattern[2];
  for (int i = 0; i < 2; ++i) {
    set_threads(i + 1);
    out[i].resize(b.q.size());
    pattern[i].resize(static_cast<std::size_t>(b.pattern_begin.back()));
    std::vector<float> scratch = b.scratch();
    attention<float>(b.texts, b.queries(), b.keys(), b.values(), b.dropout, out[i].data(), pattern[i].data(),
                     scratch.data());
  }
  set_threads(before);
  CHECK(out[0] == out[1]);
  CHECK(pattern[0] == pattern[1]);
}
