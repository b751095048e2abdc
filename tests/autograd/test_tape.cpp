#include "slalom/autograd/tape.hpp"

#include <doctest/doctest.h>

#include <cmath>

using namespace slalom;

namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

Tensor<double> vector_of(Tape<double>& tape, std::initializer_list<double> values) {
  const Tensor<double> t = tape.allocate({static_cast<Index>(values.size())});
  std::ranges::copy(values, t.data);
  return t;
}

// y = factor · x, honouring beta as every operation does; `calls` counts runs of the backward function.
Var times(Tape<double>& tape, Var x, double factor, int* calls = nullptr) {
  const Tensor<double> X = tape.value(x), y = tape.allocate(X.shape);
  for (Index i = 0; i < X.size(); ++i) y.data[i] = factor * X.data[i];
  return tape.record("times", y, {x}, [=](Tape<double>& t, Tensor<const double> dy) {
    if (calls != nullptr) ++*calls;
    if (!t.needs_gradient(x)) return;
    const GradientSlot<double> dx = t.gradient_slot(x);
    for (Index i = 0; i < dy.size(); ++i) dx.data[i] = (dx.beta == 0 ? 0 : dx.data[i]) + factor * dy.data[i];
  });
}

// y = a + b.
Var plus(Tape<double>& tape, Var a, Var b) {
  const Tensor<double> A = tape.value(a), y = tape.allocate(A.shape);
  for (Index i = 0; i < y.size(); ++i) y.data[i] = A.data[i] + tape.value(b).data[i];
  return tape.record("plus", y, {a, b}, [=](Tape<double>& t, Tensor<const double> dy) {
    for (const Var v : {a, b}) {
      if (!t.needs_gradient(v)) continue;
      const GradientSlot<double> d = t.gradient_slot(v);
      for (Index i = 0; i < dy.size(); ++i) d.data[i] = (d.beta == 0 ? 0 : d.data[i]) + dy.data[i];
    }
  });
}

std::vector<double> values(Tensor<const double> t) {
  return {t.data, t.data + t.size()};
}

}  // namespace

TEST_CASE("tape: the gradient of a value used three times is the sum of its uses") {
  Tape<double> tape;
  const Var x = tape.variable(vector_of(tape, {5}));
  tape.backward(plus(tape, plus(tape, times(tape, x, 2), times(tape, x, 3)), x));
  CHECK(values(tape.gradient(x)) == std::vector<double>{6});
}

TEST_CASE("tape: the first contribution overwrites what lies in the gradient's memory") {
  Tape<double> tape;
  for (int step = 0; step < 3; ++step) {
    tape.reset();
    const Var x = tape.variable(vector_of(tape, {1, 2}));
    const Var y = plus(tape, times(tape, x, 2), times(tape, x, 3));
    const double ones[] = {1, 1};
    tape.backward(y, {ones, {2}});
    const Tensor<const double> g = tape.gradient(x);
    CHECK(values(g) == std::vector<double>{5, 5});
    std::fill_n(const_cast<double*>(g.data), g.size(), kNan);  // garbage for the next step
  }
}

TEST_CASE("tape: a starting gradient, and the start used again") {
  Tape<double> tape;
  const Var x = tape.variable(vector_of(tape, {1, 1, 1}));
  const double start[] = {1, 10, 100};
  tape.backward(times(tape, x, 2), {start, {3}});
  CHECK(values(tape.gradient(x)) == std::vector<double>{2, 20, 200});
}

TEST_CASE("tape: nothing runs and nothing is written where no gradient is needed") {
  Tape<double> tape;
  int constant_calls = 0, unused_calls = 0;
  const Var c = tape.constant(vector_of(tape, {3})), x = tape.variable(vector_of(tape, {4}));
  const Var scaled = times(tape, c, 2, &constant_calls);
  times(tape, x, 7, &unused_calls);
  CHECK(!tape.needs_gradient(scaled));
  tape.backward(plus(tape, scaled, x));
  CHECK(constant_calls == 0);
  CHECK(unused_calls == 0);
  CHECK(tape.gradient(c).data == nullptr);
  CHECK(tape.gradient(scaled).data == nullptr);
  CHECK(values(tape.gradient(x)) == std::vector<double>{1});
  tape.backward(scaled);  // allowed, and nothing to do
  CHECK(constant_calls == 0);
}

TEST_CASE("tape: an empty handle among the inputs needs no gradient") {
  Tape<double> tape;
  const Var v =
      tape.record("none", vector_of(tape, {1}), {Var{}}, [](Tape<double>&, Tensor<const double>) {});
  CHECK(!tape.needs_gradient(v));
}

TEST_CASE("tape: handles of an earlier step and empty ones are errors") {
  Tape<double> tape;
  const Var x = tape.variable(vector_of(tape, {1}));
  tape.reset();
  tape.variable(vector_of(tape, {1}));
  CHECK_THROWS_WITH_AS(tape.value(x), "[tape] a handle is used after reset()", Error);
  CHECK_THROWS_WITH_AS(tape.gradient_slot(x), "[tape] a handle is used after reset()", Error);
  CHECK_THROWS_WITH_AS(tape.value(Var{}), "[tape] an empty handle is used", Error);
}

TEST_CASE("tape: backward's own errors") {
  Tape<double> tape;
  const Var x = tape.variable(vector_of(tape, {1, 2}));
  CHECK_THROWS_WITH_AS(tape.backward(x), "[backward] the start has shape (2), wanted a scalar", Error);
  const double one = 1;
  CHECK_THROWS_WITH_AS(tape.backward(x, {&one, {}}), "[backward] the gradient has shape (), the start (2)",
                       Error);
  Tape<double> off(Recording::off);
  const Var y = off.variable(vector_of(off, {1}));
  CHECK_THROWS_WITH_AS(off.backward(y), "[backward] this tape does not record", Error);
}

TEST_CASE("tape: parameters' gradients live in their store, rows of tables one by one") {
  ParameterStore<double> store;
  const ParameterId weight = store.add("w", {2}), table = store.add("t", {3, 2}, GradientKind::row_sparse);
  store.allocate();
  std::ranges::fill(store.gradient(weight).span(), kNan);
  store.clear_gradients();
  Tape<double> tape;
  const Var w = tape.parameter(store, weight), t = tape.parameter(store, table);
  const double start[] = {1, 2};
  tape.backward(times(tape, w, 3), {start, {2}});
  CHECK(values(store.gradient(weight)) == std::vector<double>{3, 6});
  CHECK(tape.gradient(w).data == store.gradient(weight).data);
  CHECK(tape.gradient_row_slot(t, 2).beta == 0);
  CHECK(tape.gradient_row_slot(t, 2).beta == 1);
  CHECK(store.touched_rows(table) == std::vector<Index>{2});
  // Two handles of one parameter share its slot.
  CHECK(tape.gradient_slot(tape.parameter(store, weight)).beta == 1);
}

TEST_CASE("tape: a row of a dense gradient finds the other rows zeroed") {
  Tape<double> tape;
  const Tensor<double> value = tape.allocate({2, 2});
  const Var x = tape.variable(value);
  GradientSlot<double> row = tape.gradient_row_slot(x, 1);
  CHECK(row.beta == 1);
  row.data[0] += 5;
  row = tape.gradient_row_slot(x, 0);
  row.data[1] += 7;
  CHECK(values(tape.gradient(x)) == std::vector<double>{0, 7, 5, 0});
}

TEST_CASE("tape: nothing is asked of the system once warmed up") {
  Tape<double> tape;
  const auto step = [&] {
    tape.reset();
    Var x = tape.variable(tape.allocate({50, 1000}));
    std::ranges::fill(tape.value(x).span(), 1.0);
    for (int i = 0; i < 20; ++i) x = times(tape, x, 1.01);
    const std::vector<double> start(50'000, 1.0);
    tape.backward(x, {start.data(), {50, 1000}});
  };
  step();
  step();
  const int warm = tape.blocks_mapped();
  for (int i = 0; i < 4; ++i) step();
  CHECK(tape.blocks_mapped() == warm);
}

TEST_CASE("tape: names of activations, and of some columns") {
  Tape<double> tape;
  const Tensor<double> x = tape.allocate({3, 4});
  for (Index i = 0; i < 12; ++i) x.data[i] = static_cast<double>(i);
  tape.name({"embed"}, x);
  tape.name_columns({"attn.k", 2}, x, 1, 2);
  REQUIRE(tape.names().size() == 2);
  CHECK(to_string(tape.names()[0].name) == "embed");
  CHECK(tape.names()[0].stride == 4);
  const NamedTensor<double>& columns = tape.names()[1];
  CHECK(to_string(columns.name) == "blocks.2.attn.k");
  CHECK(columns.tensor.shape == Shape{3, 2});
  CHECK(columns.stride == 4);
  CHECK(columns.tensor.data[2 * columns.stride + 1] == 10);
  tape.reset();
  CHECK(tape.names().empty());
}

TEST_CASE("tape: the first value that is not finite, under its own or the next name") {
  Tape<double> tape;
  const Var x = tape.variable(vector_of(tape, {1, 2}));
  tape.name({"embed"}, tape.value(x));
  const Var y = times(tape, x, 2), z = times(tape, y, 3);
  tape.name({"mlp.out", 1}, tape.value(z));
  CHECK(tape.first_non_finite_value().empty());
  tape.value(z).data[1] = INFINITY;
  CHECK(tape.first_non_finite_value() == "blocks.1.mlp.out (times)");
  tape.value(y).data[0] = kNan;
  CHECK(tape.first_non_finite_value() == "blocks.1.mlp.out (times)");
  tape.value(x).data[0] = kNan;
  CHECK(tape.first_non_finite_value() == "embed (variable)");
}

TEST_CASE("tape: a parameter that is not finite is called by its name, a table is not looked at") {
  ParameterStore<double> store;
  const ParameterId table = store.add("embed.token.weight", {4, 2}, GradientKind::row_sparse),
                    weight = store.add("head.out.weight", {2});
  store.allocate();
  Tape<double> tape;
  tape.parameter(store, table);
  tape.parameter(store, weight);
  store.value(table).data[3] = kNan;
  CHECK(tape.first_non_finite_value().empty());
  store.value(weight).data[1] = -INFINITY;
  CHECK(tape.first_non_finite_value() == "head.out.weight (parameter)");
}

TEST_CASE("tape: the first gradient on the way back that is not finite") {
  Tape<double> tape;
  const Var x = tape.variable(vector_of(tape, {1}));
  const Var y = times(tape, x, INFINITY), z = times(tape, y, 2);
  tape.name({"resid_mid", 0}, tape.value(x));
  tape.name({"resid_post", 0}, tape.value(y));
  tape.backward(z);
  CHECK(tape.first_non_finite_gradient() == "blocks.0.resid_mid (variable)");
  const double bad = kNan;
  tape.reset();
  const Var u = tape.variable(vector_of(tape, {1})), v = times(tape, u, 2);
  tape.name({"logits"}, tape.value(v));
  tape.backward(v, {&bad, {1}});
  CHECK(tape.first_non_finite_gradient() == "logits (times)");
}

TEST_CASE("tape: the gradient of a parameter that is not finite is found too") {
  ParameterStore<double> store;
  const ParameterId weight = store.add("head.out.weight", {1});
  store.allocate();
  store.clear_gradients();
  Tape<double> tape;
  const Var y = times(tape, tape.parameter(store, weight), INFINITY);
  tape.name({"logits"}, tape.value(y));
  tape.backward(y);
  REQUIRE(std::isinf(store.gradient(weight).data[0]));
  CHECK(tape.first_non_finite_gradient() == "head.out.weight (parameter)");
}

TEST_CASE("tape: rewind_into keeps the result in place of an older value and frees the rest") {
  Tape<double> tape(Recording::off);
  const Var kept = tape.constant(vector_of(tape, {1, 2, 3}));
  tape.name({"embed"}, tape.value(kept));
  const auto mark = tape.mark();
  const double* scratch = nullptr;
  for (int block = 0; block < 3; ++block) {
    const Var half = times(tape, kept, 2);
    if (block == 0) scratch = tape.value(half).data;
    CHECK(tape.value(half).data == scratch);  // every block reuses the memory of the first
    tape.name({"resid_post", block}, tape.value(half));
    tape.rewind_into(mark, kept, times(tape, half, 5));
    CHECK(tape.names().size() == 1);
    CHECK_THROWS_AS(tape.value(half), Error);
  }
  CHECK(values(tape.value(kept)) == std::vector<double>{1000, 2000, 3000});
}

TEST_CASE("tape: rewind_into's errors") {
  Tape<double> on;
  const Var x = on.constant(vector_of(on, {1}));
  CHECK_THROWS_WITH_AS(on.rewind_into(on.mark(), x, x),
                       "[tape] rewind_into() needs a tape that does not record", Error);
  Tape<double> off(Recording::off);
  const Var a = off.constant(vector_of(off, {1, 2}));
  const auto mark = off.mark();
  const Var b = off.constant(vector_of(off, {1}));
  CHECK_THROWS_WITH_AS(off.rewind_into(mark, a, b), "[tape] (1) cannot replace (2)", Error);
  CHECK_THROWS_WITH_AS(off.rewind_into(mark, b, b), "[tape] (1) cannot replace (1)", Error);
}

TEST_CASE("shapes: extents, rows and columns, text") {
  CHECK(Shape{}.size() == 1);
  CHECK(Shape{}.rows() == 1);
  CHECK(Shape{2, 3, 4}.rows() == 6);
  CHECK(Shape{2, 3, 4}.columns() == 4);
  CHECK(Shape{2, 0}.rows() == 2);
  CHECK(Shape{2, 3} != Shape{3, 2});
  CHECK(to_string(Shape{340, 768}) == "(340, 768)");
  CHECK(to_string(Shape{}) == "()");
}
