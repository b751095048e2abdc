#include "slalom/ops/gather_rows.hpp"

#include <algorithm>

namespace slalom {

template <class T>
Var gather_rows(Tape<T>& tape, Var x, std::span<const Index> rows) {
  const Tensor<T> X = tape.value(x);
  const Tensor<T> y = tape.allocate({static_cast<Index>(rows.size()), X.columns()});
  for (std::size_t r = 0; r < rows.size(); ++r) {
    if (rows[r] < 0 || rows[r] >= X.rows())
      throw Error(concat("[gather_rows] row ", rows[r], " of x ", to_string(X.shape)));
    std::copy_n(X.row(rows[r]), X.columns(), y.row(static_cast<Index>(r)));
  }
  return tape.record("gather_rows", y, {x}, [=](Tape<T>& t, Tensor<const T> dy) {
    // A first contribution that does not reach every row has to zero the others.
    const GradientSlot<T> dx = t.gradient_slot(x);
    if (dx.beta == T{0}) std::fill_n(dx.data, X.size(), T{0});
    for (std::size_t r = 0; r < rows.size(); ++r) {
      const T* from = dy.row(static_cast<Index>(r));
      T* to = dx.data + rows[r] * X.columns();
      for (Index j = 0; j < X.columns(); ++j) to[j] += from[j];
    }
  });
}

template Var gather_rows(Tape<float>&, Var, std::span<const Index>);
template Var gather_rows(Tape<double>&, Var, std::span<const Index>);

Operation describe_gather_rows() {
  static constexpr Index kRows[] = {3, 0, 3};
  return {"gather_rows",
          "y[r] = x[rows[r]]",
          "x (N, D), rows (R), y (R, D)",
          {{"one row twice", {{4, 3}}, [](Tape<double>& t, std::span<const Var> x) {
              return gather_rows(t, x[0], kRows);
            }}}};
}

}  // namespace slalom
