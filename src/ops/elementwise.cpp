#include "slalom/ops/elementwise.hpp"

#include "slalom/ops/accumulate_gradient.hpp"

namespace slalom {

namespace {

template <class T>
void check_equal(const char* operation, const Tape<T>& tape, Var a, Var b) {
  if (tape.value(a).shape != tape.value(b).shape)
    throw Error(concat("[", operation, "] a is ", to_string(tape.value(a).shape), ", b ",
                       to_string(tape.value(b).shape)));
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

#define SLALOM_INSTANTIATE(T)           \
  template Var add(Tape<T>&, Var, Var); \
  template Var mul(Tape<T>&, Var, Var); \
  template Var scale(Tape<T>&, Var, T);
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

}  // namespace slalom
