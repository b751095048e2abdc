#include "slalom/ops/linear.hpp"

#include "slalom/kernels/gemm.hpp"
#include "slalom/kernels/rowwise.hpp"

namespace slalom {

namespace {

template <class T>
void check(const Tape<T>& tape, Var x, Var weight, Var bias, WeightLayout layout) {
  const Shape &xs = tape.value(x).shape, &ws = tape.value(weight).shape;
  const bool transposed = layout == WeightLayout::in_out;
  const Index in = ws[transposed ? 0 : 1], out = ws[transposed ? 1 : 0];
  if (xs.rank != 2 || ws.rank != 2 || xs[1] != in)
    throw Error(
        concat("[linear] x is ", to_string(xs), ", weight ", to_string(ws), " wants ", in, " columns"));
  if (bias.valid() && tape.value(bias).size() != out)
    throw Error(concat("[linear] bias is ", to_string(tape.value(bias).shape), ", weight ", to_string(ws),
                       " wants (", out, ")"));
}

// x in bf16, in the tape's memory; nullptr where the product is not in bf16.
template <class T>
const Bf16* rounded_input(Tape<T>& tape, Tensor<T> x, const Bf16Weight* weight) {
  if constexpr (std::is_same_v<T, float>) {
    if (weight == nullptr) return nullptr;
    Bf16* tiles = tape.arena().template allocate<Bf16>(rounded_size(x.rows(), x.columns()));
    round_factor(x.rows(), x.columns(), x.data, tiles);
    return tiles;
  } else {
    return nullptr;
  }
}

}  // namespace

template <class T>
Var linear(Tape<T>& tape, Var x, Var weight, Var bias, Activation f, Tensor<T>* pre, WeightLayout layout,
           const Bf16Weight* rounded) {
  check(tape, x, weight, bias, layout);
  const Tensor<T> X = tape.value(x), W = tape.value(weight);
  const bool in_out = layout == WeightLayout::in_out;
  const Index R = X.rows(), in = X.columns(), out = in_out ? W.columns() : W.rows();
  const Factor<T> w{W.data, W.columns(), in_out ? Layout::plain : Layout::transposed},
      w_transposed{W.data, W.columns(), in_out ? Layout::transposed : Layout::plain};
  const Tensor<T> y = tape.allocate({R, out});
  // The backward pass needs u only through f′, so without an activation u and y share their memory.
  const bool keep = f != Activation::none && (tape.recording() == Recording::on || pre != nullptr);
  const Tensor<T> u = keep ? tape.allocate({R, out}) : y;
  const T* b = bias.valid() ? tape.value(bias).data : nullptr;
  {
    const ArenaScope scope(tape.arena());
    const Bf16* tiles = rounded_input(tape, X, rounded);
    for_each_gemm_block(R, out, [&](const GemmBlock& block) {
      if constexpr (std::is_same_v<T, float>)
        if (tiles != nullptr) bf16_gemm_block(block, tiles, *rounded, u.data);
      if (tiles == nullptr) gemm_block<T>(block, in, {X.data, in}, w, T{0}, u.data, out);
      if (b != nullptr || f != Activation::none)
        bias_activation_columns(block.first_column, block.last_column, block.rows(), out, b, f,
                                u.row(block.first_row), y.row(block.first_row));
    });
  }
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
      if (in_out)
        gemm<T>(in, out, R, {X.data, in, Layout::transposed}, {du, out}, dw.beta, dw.data, out);
      else
        gemm<T>(out, in, R, {du, out, Layout::transposed}, {X.data, in}, dw.beta, dw.data, in);
    }
    if (t.needs_gradient(x)) {
      const GradientSlot<T> dx = t.gradient_slot(x);
      gemm<T>(R, in, out, {du, out}, w_transposed, dx.beta, dx.data, in);
    }
  });
}

template Var linear(Tape<float>&, Var, Var, Var, Activation, Tensor<float>*, WeightLayout, const Bf16Weight*);
template Var linear(Tape<double>&, Var, Var, Var, Activation, Tensor<double>*, WeightLayout,
                    const Bf16Weight*);

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
           {"transposed weight",
            {{4, 3}, {3, 5}, {5}},
            [](Tape<double>& t, std::span<const Var> x) {
              return linear<double>(t, x[0], x[1], x[2], Activation::tanh, nullptr, WeightLayout::in_out);
            }},
           {"weight is the input", {{3, 3}, {3}}, [](Tape<double>& t, std::span<const Var> x) {
              return linear(t, x[0], x[0], x[1]);
            }}}};
}

}  // namespace slalom
