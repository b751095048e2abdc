#include "slalom/ops/elementwise.hpp"

#include "slalom/kernels/math.hpp"
#include "slalom/ops/accumulate_gradient.hpp"

namespace slalom {

namespace {

template <class T>
void check_equal(const char* operation, const Tape<T>& tape, Var a, Var b) {
  if (tape.value(a).shape != tape.value(b).shape)
    throw Error(concat("[", operation, "] a is ", to_string(tape.value(a).shape), ", b ",
                       to_string(tape.value(b).shape)));
}

// y = f(x), with f′ as a function of y.
template <class T, class F, class Slope>
Var function_of(const char* operation, Tape<T>& tape, Var x, F f, Slope slope) {
  const Tensor<T> y = tape.allocate(tape.value(x).shape);
  const T* px = tape.value(x).data;
  fill(y, [=](Index i) { return f(px[i]); });
  return tape.record(operation, y, {x}, [=](Tape<T>& t, Tensor<const T> dy) {
    accumulate_gradient(t, x, [=](Index i) { return slope(y.data[i]) * dy.data[i]; });
  });
}

}  // namespace

template <class T>
Var add(Tape<T>& tape, Var a, Var b) {
  check_equal("add", tape, a, b);
  const Tensor<T> y = tape.allocate(tape.value(a).shape);
  const T *pa = tape.value(a).data, *pb = tape.value(b).data;
  fill(y, [=](Index i) { return pa[i] + pb[i]; });
  return tape.record("add", y, {a, b}, [=](Tape<T>& t, Tensor<const T> dy) {
    for (Var v : {a, b}) accumulate_gradient(t, v, [=](Index i) { return dy.data[i]; });
  });
}

template <class T>
Var mul(Tape<T>& tape, Var a, Var b) {
  check_equal("mul", tape, a, b);
  const Tensor<T> y = tape.allocate(tape.value(a).shape);
  const T *pa = tape.value(a).data, *pb = tape.value(b).data;
  fill(y, [=](Index i) { return pa[i] * pb[i]; });
  return tape.record("mul", y, {a, b}, [=](Tape<T>& t, Tensor<const T> dy) {
    accumulate_gradient(t, a, [=](Index i) { return dy.data[i] * pb[i]; });
    accumulate_gradient(t, b, [=](Index i) { return dy.data[i] * pa[i]; });
  });
}

template <class T>
Var scale(Tape<T>& tape, Var x, T factor) {
  const Tensor<T> y = tape.allocate(tape.value(x).shape);
  const T* px = tape.value(x).data;
  fill(y, [=](Index i) { return factor * px[i]; });
  return tape.record("scale", y, {x}, [=](Tape<T>& t, Tensor<const T> dy) {
    accumulate_gradient(t, x, [=](Index i) { return factor * dy.data[i]; });
  });
}

template <class T>
Var tanh(Tape<T>& tape, Var x) {
  return function_of(
      "tanh", tape, x, [](T v) { return fast_tanh(v); }, [](T y) { return 1 - y * y; });
}

template <class T>
Var sigmoid(Tape<T>& tape, Var x) {
  return function_of(
      "sigmoid", tape, x, [](T v) { return 1 / (1 + fast_exp(-v)); }, [](T y) { return y * (1 - y); });
}

#define SLALOM_INSTANTIATE(T)           \
  template Var add(Tape<T>&, Var, Var); \
  template Var mul(Tape<T>&, Var, Var); \
  template Var scale(Tape<T>&, Var, T); \
  template Var tanh(Tape<T>&, Var);     \
  template Var sigmoid(Tape<T>&, Var);
SLALOM_INSTANTIATE(float)
SLALOM_INSTANTIATE(double)
#undef SLALOM_INSTANTIATE

Operation describe_add() {
  return {"add",
          "y = a + b",
          "a, b, y of one shape",
          {{"two inputs",
            {{2, 3}, {2, 3}},
            [](Tape<double>& t, std::span<const Var> x) { return add(t, x[0], x[1]); }},
           {"one input twice", {{2, 3}}, [](Tape<double>& t, std::span<const Var> x) {
              return add(t, x[0], x[0]);
            }}}};
}

Operation describe_mul() {
  return {"mul",
          "y = a * b, element by element",
          "a, b, y of one shape",
          {{"two inputs",
            {{2, 3}, {2, 3}},
            [](Tape<double>& t, std::span<const Var> x) { return mul(t, x[0], x[1]); }},
           {"one input twice", {{2, 3}}, [](Tape<double>& t, std::span<const Var> x) {
              return mul(t, x[0], x[0]);
            }}}};
}

Operation describe_scale() {
  return {"scale",
          "y = factor * x",
          "x, y of one shape",
          {{"factor -1.7", {{2, 3}}, [](Tape<double>& t, std::span<const Var> x) {
              return scale(t, x[0], -1.7);
            }}}};
}

Operation describe_tanh() {
  return {"tanh",
          "y = tanh x, element by element",
          "x, y of one shape",
          {{"matrix", {{2, 3}}, [](Tape<double>& t, std::span<const Var> x) { return tanh(t, x[0]); }}}};
}

Operation describe_sigmoid() {
  return {"sigmoid",
          "y = 1 / (1 + exp(-x)), element by element",
          "x, y of one shape",
          {{"matrix", {{2, 3}}, [](Tape<double>& t, std::span<const Var> x) { return sigmoid(t, x[0]); }}}};
}

}  // namespace slalom
