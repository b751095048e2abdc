#include "slalom/ops/softmax.hpp"

#include "slalom/base/parallel.hpp"
#include "slalom/kernels/rowwise.hpp"

namespace slalom {

template <class T>
Var softmax(Tape<T>& tape, Var x) {
  const Tensor<T> X = tape.value(x), p = tape.allocate(X.shape);
  parallel_ranges(X.rows(), 16, [&](Index first, Index last) {
    for (Index r = first; r < last; ++r) softmax_row(X.columns(), X.row(r), p.row(r));
  });
  return tape.record("softmax", p, {x}, [=](Tape<T>& t, Tensor<const T> dp) {
    const GradientSlot<T> dx = t.gradient_slot(x);
    parallel_ranges(p.rows(), 16, [&](Index first, Index last) {
      for (Index r = first; r < last; ++r)
        softmax_row_backward(p.columns(), p.row(r), dp.row(r), dx.beta, dx.data + r * p.columns());
    });
  });
}

template Var softmax(Tape<float>&, Var);
template Var softmax(Tape<double>&, Var);

Operation describe_softmax() {
  return {
      "softmax",
      "p = exp(x - max x) / sum exp(x - max x), row by row",
      "x, p (R, D)",
      {{"three rows", {{3, 4}}, [](Tape<double>& t, std::span<const Var> x) { return softmax(t, x[0]); }}}};
}

}  // namespace slalom
