#include "slalom/ops/linear.hpp"

#include "slalom/kernels/gemm.hpp"
#include "slalom/kernels/rowwise.hpp"

namespace slalom {

namespace {

template <class T>
void check(const Tape<T>& tape, Var x, Var weight, Var bias) {
  const Shape &xs = tape.value(x).shape, &ws = tape.value(weight).shape;
  if (xs.rank != 2 || ws.rank != 2 || xs[1] != ws[1])
    throw Error(concat("[linear] x is ", to_string(xs), ", weight ", to_string(ws), " wants ", ws.columns(),
                       " columns"));
  if (bias.valid() && tape.value(bias).size() != ws[0])
    throw Error(concat("[linear] bias is ", to_string(tape.value(bias).shape), ", weight ", to_string(ws),
                       " wants (", ws[0], ")"));
}

}  // namespace

template <class T>
Var linear(Tape<T>& tape, Var x, Var weight, Var bias, Activation f, Tensor<T>* pre) {
  check(tape, x, weight, bias);
  const Tensor<T> X = tape.value(x), W = tape.value(weight);
  const Index R = X.rows(), in = X.columns(), out = W.rows();
  const Tensor<T> y = tape.allocate({R, out});
  // The backward pass needs u only through f′, so without an activation u and y share their memory.
  const bool keep = f != Activation::none && (tape.recording() == Recording::on || pre != nullptr);
  const Tensor<T> u = keep ? tape.allocate({R, out}) : y;
  const T* b = bias.valid() ? tape.value(bias).data : nullptr;
  for_each_gemm_block(R, out, [&](const GemmBlock& block) {
    gemm_block<T>(block, in, {X.data, in}, {W.data, in, Layout::transposed}, T{0}, u.data, out);
    if (b != nullptr || f != Activation::none)
      bias_activation_columns(block.first_column, block.last_column, block.rows(), out, b, f,
                              u.row(block.first_row), y.row(block.first_row));
  });
  if (pre != nullptr) *pre = u;

  return tape.record("linear", y, {x, weight, bias}, [=](Tape<T>& t, Tensor<const T> dy) {
    const ArenaScope scope(t.arena());
    const bool wants_bias = bias.valid() && t.needs_gradient(bias);
    const T* du = dy.data;
    T* activated = f == Activation::none ? nullptr : t.allocate(dy.shape).data;
    if (wants_bias || activated != nullptr) {
      const GradientSlot<T> db = wants_bias ? t.gradient_slot(bias) : GradientSlot<T>{};
      bias_activation_backward(R, out, f, u.data, dy.data, activated, db.beta, db.data);
      if (activated != nullptr) du = activated;
    }
    if (t.needs_gradient(weight)) {
      const GradientSlot<T> dw = t.gradient_slot(weight);
      gemm<T>(out, in, R, {du, out, Layout::transposed}, {X.data, in}, dw.beta, dw.data, in);
    }
    if (t.needs_gradient(x)) {
      const GradientSlot<T> dx = t.gradient_slot(x);
      gemm<T>(R, in, out, {du, out}, {W.data, in}, dx.beta, dx.data, in);
    }
  });
}

template Var linear(Tape<float>&, Var, Var, Var, Activation, Tensor<float>*);
template Var linear(Tape<double>&, Var, Var, Var, Activation, Tensor<double>*);

Operation describe_linear() {
  const auto with = [](Activation f) {
    return [f](Tape<double>& t, std::span<const Var> x) { return linear(t, x[0], x[1], x[2], f); };
  };
  const std::vector<Shape> leaves = {{4, 3}, {5, 3}, {5}};
  return {"linear",
          "y = f(x W^T + b), f: none, GELU (erf or tanh form), ReLU, tanh",
          "x (R, in), W (out, in), b (out); y (R, out)",
          {{"no activation", leaves, with(Activation::none)},
           {"gelu_erf", leaves, with(Activation::gelu_erf)},
           {"gelu_tanh", leaves, with(Activation::gelu_tanh)},
           {"relu", leaves, with(Activation::relu)},
           {"tanh", leaves, with(Activation::tanh)},
           {"no bias",
            {{4, 3}, {70, 3}},
            [](Tape<double>& t, std::span<const Var> x) {
              return linear(t, x[0], x[1], Var{}, Activation::tanh);
            }},
           {"weight is the input", {{3, 3}, {3}}, [](Tape<double>& t, std::span<const Var> x) {
              return linear(t, x[0], x[0], x[1]);
            }}}};
}

}  // namespace slalom
