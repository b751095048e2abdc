// What the operations compute, against their formulas; their gradients are in test_gradients.cpp.
#include <doctest/doctest.h>

#include <bit>
#include <string>

#include "../support/attention_oracle.hpp"
#include "../support/compare.hpp"
#include "../support/dropout_oracle.hpp"
#include "../support/random_values.hpp"
#include "slalom/ops/attention.hpp"
#include "slalom/ops/cross_entropy.hpp"
#include "slalom/ops/dropout.hpp"
#include "slalom/ops/elementwise.hpp"
#include "slalom/ops/embedding.hpp"
#include "slalom/ops/gather_rows.hpp"
#include "slalom/ops/layer_norm.hpp"
#include "slalom/ops/linear.hpp"
#include "slalom/ops/reductions.hpp"
#include "slalom/ops/rotary.hpp"
#include "slalom/ops/softmax.hpp"
#include "slalom/ops/squared_error.hpp"

using namespace slalom;
using test::relative_error;

namespace {

template <class T>
constexpr double kTolerance = sizeof(T) == 4 ? 1e-5 : 1e-13;

std::size_t at(Index i) {
  return static_cast<std::size_t>(i);
}

template <class T>
Var tensor(Tape<T>& tape, Shape shape, const std::vector<double>& values) {
  const Tensor<T> t = tape.allocate(shape);
  REQUIRE(std::ssize(values) == t.size());
  for (Index i = 0; i < t.size(); ++i) t.data[i] = static_cast<T>(values[at(i)]);
  return tape.variable(t);
}

// Normal numbers that a float holds exactly.
std::vector<double> numbers(Index n, std::uint64_t seed) {
  const std::vector<float> x = test::random_values<float>(n, seed);
  return {x.begin(), x.end()};
}

template <class T>
std::vector<T> values(const Tape<T>& tape, Var v) {
  const std::span<T> s = tape.value(v).span();
  return {s.begin(), s.end()};
}

}  // namespace

TEST_CASE_TEMPLATE("add, mul, scale", T, float, double) {
  Tape<T> tape;
  const Var a = tensor<T>(tape, {2, 2}, {1, 2, 3, 4}), b = tensor<T>(tape, {2, 2}, {5, -6, 7, 0.5});
  CHECK(values(tape, add(tape, a, b)) == std::vector<T>{6, -4, 10, T(4.5)});
  CHECK(values(tape, mul(tape, a, b)) == std::vector<T>{5, -12, 21, 2});
  CHECK(values(tape, scale(tape, a, T{-2})) == std::vector<T>{-2, -4, -6, -8});
  const Var c = tensor<T>(tape, {4}, {1, 2, 3, 4});
  CHECK_THROWS_WITH_AS(add(tape, a, c), "[add] a is (2, 2), b (4)", Error);
  CHECK_THROWS_WITH_AS(mul(tape, c, a), "[mul] a is (4), b (2, 2)", Error);
}

TEST_CASE_TEMPLATE("tanh and sigmoid, also far out", T, float, double) {
  Tape<T> tape;
  const Var x = tensor<T>(tape, {2, 3}, {0, 0.25, -1, 30, 1000, -1000});
  CHECK(relative_error(values(tape, tanh(tape, x)),
                       std::vector<double>{0, 0.24491866240370913, -0.7615941559557649, 1, 1, -1}) <
        kTolerance<T>);
  CHECK(relative_error(values(tape, sigmoid(tape, x)),
                       std::vector<double>{0.5, 0.5621765008857981, 0.2689414213699951, 1, 1, 0}) <
        kTolerance<T>);
}

TEST_CASE_TEMPLATE("sum and mean", T, float, double) {
  Tape<T> tape;
  const Var x = tensor<T>(tape, {2, 3}, {1, 2, 3, 4, 5, 6});
  CHECK(values(tape, sum(tape, x)) == std::vector<T>{21});
  CHECK(values(tape, mean(tape, x)) == std::vector<T>{T(3.5)});
  CHECK(tape.value(sum(tape, x)).shape == Shape{});
}

TEST_CASE_TEMPLATE("squared_error: mean of squares", T, float, double) {
  Tape<T> tape;
  const Var x = tensor<T>(tape, {1, 4}, {1, 2, 3, 4}), y = tensor<T>(tape, {1, 4}, {1, 4, 2, 1});
  CHECK(values(tape, squared_error(tape, x, y)) == std::vector<T>{T(3.5)});  // (0 + 4 + 1 + 9) / 4
  CHECK_THROWS_WITH_AS(squared_error(tape, x, tensor<T>(tape, {2}, {1, 2})),
                       "[squared_error] x is (1, 4), target (2)", Error);
}

TEST_CASE_TEMPLATE("linear: a transposed weight, and one without rows", T, float, double) {
  Tape<T> tape;
  const Var x = tensor<T>(tape, {2, 3}, {1, 2, 3, 4, 5, 6}), w = tensor<T>(tape, {3, 1}, {1, 0, -1}),
            bias = tensor<T>(tape, {1}, {5});
  const auto in_out = [&](Var input, Var weight) {
    return linear<T>(tape, input, weight, bias, Activation::none, nullptr, WeightLayout::in_out);
  };
  CHECK(values(tape, in_out(x, w)) == std::vector<T>{3, 3});
  CHECK(values(tape, in_out(tensor<T>(tape, {2, 0}, {}), tensor<T>(tape, {0, 1}, {}))) ==
        std::vector<T>{5, 5});
  CHECK_THROWS_WITH_AS(in_out(x, x), "[linear] x is (2, 3), weight (2, 3) wants 2 columns", Error);
}

TEST_CASE_TEMPLATE("softmax: rows sum to one", T, float, double) {
  Tape<T> tape;
  const Var p = softmax(tape, tensor<T>(tape, {2, 3}, {0, std::log(2), std::log(5), 7, 7, 7}));
  CHECK(relative_error(values(tape, p), std::vector<double>{1 / 8.0, 2 / 8.0, 5 / 8.0, 1 / 3.0, 1 / 3.0,
                                                            1 / 3.0}) < kTolerance<T>);
}

TEST_CASE_TEMPLATE("gather_rows: in any order, repeated", T, float, double) {
  Tape<T> tape;
  const Var x = tensor<T>(tape, {3, 2}, {1, 2, 3, 4, 5, 6});
  const Index rows[] = {2, 0, 2}, outside[] = {3}, negative[] = {-1};
  CHECK(values(tape, gather_rows(tape, x, rows)) == std::vector<T>{5, 6, 1, 2, 5, 6});
  CHECK_THROWS_WITH_AS(gather_rows(tape, x, outside), "[gather_rows] row 3 of x (3, 2)", Error);
  CHECK_THROWS_WITH_AS(gather_rows(tape, x, negative), "[gather_rows] row -1 of x (3, 2)", Error);
}

TEST_CASE_TEMPLATE("cross_entropy: mean and single losses, in nats", T, float, double) {
  Tape<T> tape;
  const Var x = tensor<T>(tape, {2, 3}, {0, std::log(2), std::log(5), 1000, 0, -1000});
  const int labels[] = {1, 2};
  Tensor<T> each;
  const Var loss = cross_entropy(tape, x, labels, &each);
  // −log(2 / 8), and a large margin the wrong way: 2000.
  CHECK(relative_error(each.span(), std::vector<double>{std::log(4), 2000}) < kTolerance<T>);
  CHECK(relative_error(values(tape, loss), std::vector<double>{(std::log(4) + 2000) / 2}) < kTolerance<T>);
}

TEST_CASE("cross_entropy: errors") {
  Tape<double> tape;
  const Var x = tensor<double>(tape, {2, 3}, {1, 2, 3, 4, 5, 6});
  const int few[] = {1}, high[] = {1, 3}, low[] = {-1, 0};
  CHECK_THROWS_WITH_AS(cross_entropy(tape, x, few),
                       "[cross_entropy] logits are (2, 3) and come with 1 labels", Error);
  CHECK_THROWS_WITH_AS(cross_entropy(tape, x, high), "[cross_entropy] text 1 has label 3, wanted 0 to 2",
                       Error);
  CHECK_THROWS_WITH_AS(cross_entropy(tape, x, low), "[cross_entropy] text 0 has label -1, wanted 0 to 2",
                       Error);
}

namespace {

double applied(Activation f, double x) {
  if (f == Activation::gelu_erf) return x * std::erfc(-x / std::sqrt(2.0)) / 2;
  if (f == Activation::gelu_tanh)
    return x * (1 + std::tanh(std::sqrt(2 / std::numbers::pi) * (x + 0.044715 * x * x * x))) / 2;
  if (f == Activation::relu) return std::max(x, 0.0);
  return f == Activation::tanh ? std::tanh(x) : x;
}

template <class T>
void check_linear(Recording recording, Activation f, bool has_bias, Index R, Index in, Index out) {
  const std::vector<double> x = numbers(R * in, 1), w = numbers(out * in, 2), b = numbers(out, 3);
  std::vector<double> want_pre(at(R * out)), want(at(R * out));
  for (Index r = 0; r < R; ++r)
    for (Index o = 0; o < out; ++o) {
      double u = has_bias ? b[at(o)] : 0;
      for (Index i = 0; i < in; ++i) u += x[at(r * in + i)] * w[at(o * in + i)];
      want_pre[at(r * out + o)] = u;
      want[at(r * out + o)] = applied(f, u);
    }
  Tape<T> tape(recording);
  Tensor<T> pre;
  const Var bias = has_bias ? tensor<T>(tape, {out}, b) : Var{};
  const Var X = tensor<T>(tape, {R, in}, x), W = tensor<T>(tape, {out, in}, w);
  const Var y = linear(tape, X, W, bias, f, &pre);
  CHECK(relative_error(values(tape, y), want) < kTolerance<T>);
  CHECK(relative_error(pre.span(), want_pre) < kTolerance<T>);
  CHECK(relative_error(values(tape, linear(tape, X, W, bias, f)), want) < kTolerance<T>);
}

}  // namespace

TEST_CASE_TEMPLATE("linear: every activation, with and without bias, recording or not", T, float, double) {
  for (const Recording recording : {Recording::on, Recording::off})
    for (const Activation f : {Activation::none, Activation::gelu_erf, Activation::gelu_tanh,
                               Activation::relu, Activation::tanh}) {
      CAPTURE(static_cast<int>(f));
      check_linear<T>(recording, f, true, 7, 20, 130);
      check_linear<T>(recording, f, false, 1, 3, 5);
    }
}

TEST_CASE("linear: with rounded weights, the product of rounded inputs and weights") {
  constexpr Index R = 37, in = 20, out = 130;
  const std::vector<float> x = test::random_values<float>(R * in, 1),
                           w = test::random_values<float>(out * in, 2);
  const auto nearest = [](const std::vector<float>& full) {
    std::vector<double> rounded;
    for (const float value : full)
      rounded.push_back(std::bit_cast<float>(std::uint32_t{to_bf16(value)} << 16));
    return rounded;
  };
  const auto as_given = [](const std::vector<float>& v) { return std::vector<double>(v.begin(), v.end()); };
  Tape<float> tape;
  const Var bias = tensor(tape, {out}, test::random_values<double>(out, 3));
  const Var want = linear(tape, tensor(tape, {R, in}, nearest(x)), tensor(tape, {out, in}, nearest(w)), bias,
                          Activation::gelu_erf);
  const Bf16Weight rounded(out, in, w.data());
  const Var got =
      linear<float>(tape, tensor(tape, {R, in}, as_given(x)), tensor(tape, {out, in}, as_given(w)), bias,
                    Activation::gelu_erf, nullptr, WeightLayout::out_in, &rounded);
  CHECK(relative_error(values(tape, got), values(tape, want)) < 1e-6);
}

TEST_CASE("linear: errors name both shapes") {
  Tape<double> tape;
  const Var x = tensor<double>(tape, {2, 3}, numbers(6, 1)), w = tensor<double>(tape, {5, 4}, numbers(20, 1)),
            fits = tensor<double>(tape, {5, 3}, numbers(15, 1)),
            bias = tensor<double>(tape, {4}, numbers(4, 1));
  CHECK_THROWS_WITH_AS(linear(tape, x, w, Var{}), "[linear] x is (2, 3), weight (5, 4) wants 4 columns",
                       Error);
  CHECK_THROWS_WITH_AS(linear(tape, x, fits, bias), "[linear] bias is (4), weight (5, 3) wants (5)", Error);
}

TEST_CASE_TEMPLATE("layer_norm: of x or of x plus residual, whose sum is given", T, float, double) {
  const Index R = 19, D = 33;
  const std::vector<double> x = numbers(R * D, 1), z = numbers(R * D, 2), w = numbers(D, 3),
                            b = numbers(D, 4);
  Tape<T> tape;
  const Var X = tensor<T>(tape, {R, D}, x), Z = tensor<T>(tape, {R, D}, z), W = tensor<T>(tape, {D}, w),
            bias = tensor<T>(tape, {D}, b);
  for (const auto& [residual, rms] : {std::pair{false, false}, {true, false}, {true, true}}) {
    std::vector<double> u = x, want(u.size());
    for (std::size_t i = 0; residual && i < u.size(); ++i) u[i] += z[i];
    for (Index r = 0; r < R; ++r) {
      double m = 0, variance = 0;
      for (Index j = 0; j < D && !rms; ++j) m += u[at(r * D + j)] / static_cast<double>(D);
      for (Index j = 0; j < D; ++j) variance += std::pow(u[at(r * D + j)] - m, 2) / static_cast<double>(D);
      for (Index j = 0; j < D; ++j)
        want[at(r * D + j)] =
            (u[at(r * D + j)] - m) / std::sqrt(variance + 1e-3) * w[at(j)] + (rms ? 0 : b[at(j)]);
    }
    Tensor<T> sum;
    const Var y = layer_norm(tape, X, residual ? Z : Var{}, W, rms ? Var{} : bias, 1e-3, &sum);
    CHECK(relative_error(values(tape, y), want) < kTolerance<T>);
    CHECK(relative_error(sum.span(), u) < kTolerance<T>);
  }
}

TEST_CASE_TEMPLATE("rotary: products of rows depend on the difference of their places", T, float, double) {
  Tape<T> tape;
  const std::vector<TokenId> place = {0, 3, 7, 10};
  const Var x = tensor<T>(tape, {4, 2}, {1, 0, 1, 0, 1, 0, 1, 0}),
            y = rotary(tape, x, std::span(place), 2, 2);  // one pair, turned by its place in radians
  CHECK(relative_error(values(tape, y), std::vector<double>{1, 0, std::cos(3), std::sin(3), std::cos(7),
                                                            std::sin(7), std::cos(10), std::sin(10)}) <
        kTolerance<T>);
  const std::vector<double> rows = numbers(12, 5);
  std::vector<double> four;
  for (int r = 0; r < 4; ++r) four.insert(four.end(), rows.begin(), rows.end());
  const std::vector<T> z = values(tape, rotary(tape, tensor<T>(tape, {4, 12}, four), std::span(place), 8, 8));
  const auto product = [&](std::size_t a, std::size_t b) {
    double sum = 0;
    for (std::size_t j = 0; j < 8; ++j)
      sum += static_cast<double>(z[12 * a + j]) * static_cast<double>(z[12 * b + j]);
    return sum;
  };
  CHECK(relative_error(product(0, 1), product(2, 3)) < 100 * kTolerance<T>);
  CHECK(relative_error(product(0, 1), product(0, 2)) > 1e-3);
  for (std::size_t j = 8; j < 12; ++j) CHECK(z[36 + j] == static_cast<T>(rows[j]));
  CHECK_THROWS_AS(rotary(tape, x, std::span(place), 2, 1), Error);
  CHECK_THROWS_AS(rotary(tape, x, std::span(place).first(3), 2, 2), Error);
}

TEST_CASE("layer_norm: errors name the shapes") {
  Tape<double> tape;
  const Var x = tensor<double>(tape, {2, 3}, numbers(6, 1)), w = tensor<double>(tape, {3}, numbers(3, 1)),
            two = tensor<double>(tape, {2}, numbers(2, 1));
  CHECK_THROWS_WITH_AS(layer_norm(tape, x, Var{}, w, two, 1e-5),
                       "[layer_norm] x is (2, 3), weight (3) and bias (2), wanted (3)", Error);
  CHECK_THROWS_WITH_AS(layer_norm(tape, x, two, w, w, 1e-5), "[layer_norm] residual is (2), x (2, 3)", Error);
}

TEST_CASE_TEMPLATE("embedding: one, two and three tables", T, float, double) {
  Tape<T> tape;
  const Var token = tensor<T>(tape, {3, 2}, {1, 2, 3, 4, 5, 6}),
            position = tensor<T>(tape, {2, 2}, {10, 20, 30, 40}), type = tensor<T>(tape, {1, 2}, {100, 200});
  const TokenId tokens[] = {2, 0, 2}, positions[] = {0, 1, 1}, types[] = {0, 0, 0};
  CHECK(values(tape, embedding(tape, {{token, tokens}})) == std::vector<T>{5, 6, 1, 2, 5, 6});
  CHECK(values(tape, embedding(tape, {{token, tokens}, {position, positions}})) ==
        std::vector<T>{15, 26, 31, 42, 35, 46});
  CHECK(values(tape, embedding(tape, {{token, tokens}, {position, positions}, {type, types}})) ==
        std::vector<T>{115, 226, 131, 242, 135, 246});
}

TEST_CASE("embedding: errors name rows and tables") {
  Tape<double> tape;
  const Var table = tensor<double>(tape, {3, 2}, numbers(6, 1)),
            wide = tensor<double>(tape, {3, 4}, numbers(12, 1));
  const TokenId good[] = {0, 1}, high[] = {0, 3}, negative[] = {-1}, three[] = {0, 0, 0};
  CHECK_THROWS_WITH_AS(embedding(tape, {{table, high}}), "[embedding] row 1 asks for entry 3 of a table of 3",
                       Error);
  CHECK_THROWS_WITH_AS(embedding(tape, {{table, negative}}),
                       "[embedding] row 0 asks for entry -1 of a table of 3", Error);
  CHECK_THROWS_WITH_AS(embedding(tape, {{table, good}, {wide, good}}),
                       "[embedding] table (3, 4) with 2 rows asked for, the first one is (3, 2) with 2",
                       Error);
  CHECK_THROWS_AS(embedding(tape, {{table, good}, {table, three}}), Error);
  CHECK_THROWS_WITH_AS(embedding(tape, {}), "[embedding] 0 tables, wanted 1 to 3", Error);
}

TEST_CASE_TEMPLATE("dropout: the mask of each row's origin, in pieces where rows are wide", T, float,
                   double) {
  const RowOrigin origins[] = {{0, 0}, {0, 5}, {3, 1}};
  const Dropout rate{0.25, 0xfeedULL << 40, 9};
  for (const Index D : {7, 512, 700, 1100}) {
    const std::vector<double> x = numbers(3 * D, 1);
    std::vector<double> want(x.size());
    for (Index r = 0; r < 3; ++r)
      for (Index j = 0; j < D; ++j)
        want[at(r * D + j)] =
            x[at(r * D + j)] * test::matrix_mask_element(rate, origins[r].text, origins[r].position, D, j);
    Tape<T> tape;
    const Var y = dropout(tape, tensor<T>(tape, {3, D}, x), rate, origins);
    CHECK(relative_error(values(tape, y), want) < kTolerance<T>);
  }
}

TEST_CASE("dropout: rate 0 is the input itself; errors") {
  Tape<double> tape;
  const Var x = tensor<double>(tape, {2, 3}, numbers(6, 1));
  const RowOrigin origins[] = {{0, 0}, {0, 1}};
  CHECK(dropout(tape, x, {}, origins).id == x.id);
  CHECK_THROWS_WITH_AS(dropout(tape, x, {1.0, 0, 0}, origins), "[dropout] rate 1, wanted one below 1", Error);
  CHECK_THROWS_WITH_AS(dropout(tape, x, {0.5, 0, 0}, std::span(origins).first(1)),
                       "[dropout] x is (2, 3) and comes with 1 row origins", Error);
}

namespace {

const std::vector<TokenId> kIds(6);
const std::vector<Index> kBegin = {0, 3, 4, 6};

// Rows [from, to), columns [first, first + columns) of a matrix.
std::vector<double> part(const std::vector<double>& m, Index stride, Index from, Index to, Index first,
                         Index columns) {
  std::vector<double> y;
  for (Index r = from; r < to; ++r)
    for (Index c = first; c < first + columns; ++c) y.push_back(m[at(r * stride + c)]);
  return y;
}

}  // namespace

TEST_CASE_TEMPLATE("attention: values and the order of patterns, for all rows and for some", T, float,
                   double) {
  constexpr Index D = 6, H = 2;
  const std::vector<double> q = numbers(6 * D, 1), kv = numbers(6 * 2 * D, 2);
  const PackedTexts texts{kIds, kBegin};
  const Dropout rate{0.3, 21, 4};
  const std::vector<std::vector<Index>> chosen = {{0, 1, 2, 3, 4, 5}, {2, 3, 5}, {0, 2, 4}};
  for (const auto& rows : chosen) {
    std::vector<double> queries, want, want_pattern;
    for (std::size_t t = 0; t + 1 < std::size(kBegin); ++t) {
      test::AttentionText one{H,    D / H, kBegin[t + 1] - kBegin[t],    {},
                              true, rate,  static_cast<std::uint32_t>(t)};
      std::vector<double> mine;
      for (const Index r : rows)
        if (r >= kBegin[t] && r < kBegin[t + 1]) {
          one.position.push_back(r - kBegin[t]);
          mine.insert(mine.end(), q.begin() + r * D, q.begin() + (r + 1) * D);
        }
      const auto y = test::attend(one, mine, part(kv, 2 * D, kBegin[t], kBegin[t + 1], 0, D),
                                  part(kv, 2 * D, kBegin[t], kBegin[t + 1], D, D));
      queries.insert(queries.end(), mine.begin(), mine.end());
      want.insert(want.end(), y.out.begin(), y.out.end());
      want_pattern.insert(want_pattern.end(), y.pattern.begin(), y.pattern.end());
    }
    Tape<T> tape;
    Tensor<T> pattern;
    const Var y = attention(tape, tensor<T>(tape, {std::ssize(rows), D}, queries),
                            tensor<T>(tape, {6, 2 * D}, kv), texts, H, Mask::causal, rate, {rows}, &pattern);
    CHECK(relative_error(values(tape, y), want) < kTolerance<T>);
    CHECK(relative_error(pattern.span(), want_pattern) < kTolerance<T>);
  }
}

TEST_CASE("attention: errors name shapes, heads, rows") {
  Tape<double> tape;
  const Var q = tensor<double>(tape, {6, 4}, numbers(24, 1)),
            kv = tensor<double>(tape, {6, 8}, numbers(48, 1)),
            one = tensor<double>(tape, {1, 4}, numbers(4, 1));
  const PackedTexts texts{kIds, kBegin};
  const auto ask = [&](Var queries, Var keys, const PackedTexts& packed, Index heads, QueryRows rows = {}) {
    attention(tape, queries, keys, packed, heads, Mask::bidirectional, {}, rows);
  };
  CHECK_THROWS_WITH_AS(ask(q, q, texts, 2),
                       "[attention] q is (6, 4) and keys_values (6, 4), wanted (6, D) and (6, 2 D)", Error);
  CHECK_THROWS_WITH_AS(ask(q, kv, texts, 3), "[attention] 3 heads do not divide the width 4", Error);
  CHECK_THROWS_WITH_AS(ask(q, kv, texts, 0), "[attention] 0 heads do not divide the width 4", Error);
  const std::vector<Index> hole = {0, 3, 3, 6}, outside = {6};
  CHECK_THROWS_WITH_AS(ask(q, kv, {kIds, hole, {}}, 2), "[attention] text 1 has no rows", Error);
  CHECK_THROWS_WITH_AS(ask(one, kv, texts, 2, {outside}), "[attention] query row 6 is outside the 6 rows",
                       Error);
}
