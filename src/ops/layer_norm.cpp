#include "slalom/ops/layer_norm.hpp"

#include "slalom/kernels/rowwise.hpp"

namespace slalom {

template <class T>
Var layer_norm(Tape<T>& tape, Var x, Var residual, Var weight, Var bias, double eps, Tensor<T>* sum) {
  const Tensor<T> X = tape.value(x);
  const Index R = X.rows(), D = X.columns();
  if (tape.value(weight).size() != D || tape.value(bias).size() != D)
    throw Error(concat("[layer_norm] x is ", to_string(X.shape), ", weight ",
                       to_string(tape.value(weight).shape), " and bias ", to_string(tape.value(bias).shape),
                       ", wanted (", D, ")"));
  if (residual.valid() && tape.value(residual).shape != X.shape)
    throw Error(concat("[layer_norm] residual is ", to_string(tape.value(residual).shape), ", x ",
                       to_string(X.shape)));
  Tensor<T> u = X;
  if (residual.valid()) {
    u = tape.allocate(X.shape);
    const T *a = X.data, *b = tape.value(residual).data;
    parallel_ranges(X.size(), 16384, [&](Index first, Index last) {
#pragma omp simd
      for (Index i = first; i < last; ++i) u.data[i] = a[i] + b[i];
    });
  }
  if (sum != nullptr) *sum = u;
  const Tensor<T> y = tape.allocate(X.shape);
  const T* w = tape.value(weight).data;
  T *mean = tape.arena().template allocate<T>(R), *rstd = tape.arena().template allocate<T>(R);
  layer_norm(R, D, u.data, w, tape.value(bias).data, static_cast<T>(eps), y.data, mean, rstd);

  return tape.record("layer_norm", y, {x, residual, weight, bias}, [=](Tape<T>& t, Tensor<const T> dy) {
    const ArenaScope scope(t.arena());
    T* scratch = t.arena().template allocate<T>(layer_norm_scratch(R, D) + 2 * D);
    T* unwanted = scratch + layer_norm_scratch(R, D);
    const auto slot = [&](Var v, T* spare) {
      return t.needs_gradient(v) ? t.gradient_slot(v) : GradientSlot<T>{spare, T{0}};
    };
    const GradientSlot<T> dw = slot(weight, unwanted), db = slot(bias, unwanted + D);
    // du goes straight to its first unwritten receiver; whoever else wants it adds it.
    T* du = nullptr;
    GradientSlot<T> receivers[2] = {};
    int waiting = 0;
    for (Var v : {x, residual}) {
      if (!v.valid() || !t.needs_gradient(v)) continue;
      const GradientSlot<T> s = t.gradient_slot(v);
      if (du == nullptr && s.beta == T{0})
        du = s.data;
      else
        receivers[waiting++] = s;
    }
    if (du == nullptr) du = t.allocate(dy.shape).data;
    layer_norm_backward(R, D, u.data, w, mean, rstd, dy.data, du, dw.beta, dw.data, db.beta, db.data,
                        scratch);
    for (int i = 0; i < waiting; ++i) accumulate(R * D, du, receivers[i].beta, receivers[i].data);
  });
}

template Var layer_norm(Tape<float>&, Var, Var, Var, Var, double, Tensor<float>*);
template Var layer_norm(Tape<double>&, Var, Var, Var, Var, double, Tensor<double>*);

Operation describe_layer_norm() {
  constexpr double kEps = 1e-5;
  return {
      "layer_norm",
      "y = (u - mean(u)) / sqrt(var(u) + eps) * weight + bias, u = x [+ residual]",
      "x, residual, y (R, D), weight (D), bias (D)",
      {{"plain",
        {{3, 5}, {5}, {5}},
        [](Tape<double>& t, std::span<const Var> x) { return layer_norm(t, x[0], Var{}, x[1], x[2], kEps); }},
       {"with residual",
        {{3, 5}, {5}, {5}, {3, 5}},
        [](Tape<double>& t, std::span<const Var> x) { return layer_norm(t, x[0], x[3], x[1], x[2], kEps); }},
       {"residual is x, more rows than a block",
        {{19, 3}, {3}, {3}},
        [](Tape<double>& t, std::span<const Var> x) {
          return layer_norm(t, x[0], x[0], x[1], x[2], kEps);
        }}}};
}

}  // namespace slalom
