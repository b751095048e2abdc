#include "slalom/ops/layer_norm.hpp"

#include "slalom/base/parallel.hpp"
#include "slalom/kernels/rowwise.hpp"

namespace slalom {

template <class T>
Var layer_norm(Tape<T>& tape, Var x, Var residual, Var weight, Var bias, double eps, Tensor<T>* sum) {
  const Tensor<T> X = tape.value(x);
  const Index R = X.rows(), D = X.columns();
  const Shape of_weight = tape.value(weight).shape,
              of_bias = bias.valid() ? tape.value(bias).shape : of_weight;
  if (of_weight.size() != D || of_bias.size() != D)
    throw Error(concat("[layer_norm] x is ", to_string(X.shape), ", weight ", to_string(of_weight),
                       " and bias ", to_string(of_bias), ", wanted (", D, ")"));
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
  T *mean = nullptr, *rstd = tape.arena().template allocate<T>(R), *shift = nullptr;
  if (bias.valid()) {
    mean = tape.arena().template allocate<T>(R);
    shift = tape.value(bias).data;
  } else {
    shift = tape.arena().template allocate<T>(D);
    std::fill_n(shift, D, T{0});
  }
  layer_norm(R, D, u.data, w, shift, static_cast<T>(eps), y.data, mean, rstd);

  return tape.record("layer_norm", y, {x, residual, weight, bias}, [=](Tape<T>& t, Tensor<const T> dy) {
    const ArenaScope scope(t.arena());
    T* scratch = t.arena().template allocate<T>(layer_norm_scratch(R, D) + 2 * D);
    T* unwanted = scratch + layer_norm_scratch(R, D);
    const auto slot = [&](Var v, T* spare) {
      return v.valid() && t.needs_gradient(v) ? t.gradient_slot(v) : GradientSlot<T>{spare, T{0}};
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
      "y = (u - mean(u)) / sqrt(var(u) + eps) * weight + bias, u = x [+ residual]; without a bias u / "
      "sqrt(mean(u^2) + eps) * weight",
      "x, residual, y (R, D), weight (D), bias (D)",
      {{"plain",
        {{3, 5}, {5}, {5}},
        [](Tape<double>& t, std::span<const Var> x) { return layer_norm(t, x[0], Var{}, x[1], x[2], kEps); }},
       {"with residual",
        {{3, 5}, {5}, {5}, {3, 5}},
        [](Tape<double>& t, std::span<const Var> x) { return layer_norm(t, x[0], x[3], x[1], x[2], kEps); }},
       {"residual is x, more rows than a block",
        {{19, 3}, {3}, {3}},
        [](Tape<double>& t, std::span<const Var> x) { return layer_norm(t, x[0], x[0], x[1], x[2], kEps); }},
       {"RMSNorm with residual", {{3, 5}, {5}, {3, 5}}, [](Tape<double>& t, std::span<const Var> x) {
          return layer_norm(t, x[0], x[2], x[1], Var{}, kEps);
        }}}};
}

}  // namespace slalom
