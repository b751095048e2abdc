#include "slalom/ops/reductions.hpp"

#include <numeric>

#include "slalom/ops/accumulate_gradient.hpp"

namespace slalom {

namespace {

template <class T>
Var weighted_sum(const char* operation, Tape<T>& tape, Var x, T weight) {
  const Tensor<T> X = tape.value(x), y = tape.allocate({});
  y.data[0] = weight * std::accumulate(X.data, X.data + X.size(), T{0});
  return tape.record(operation, y, {x}, [=](Tape<T>& t, Tensor<const T> dy) {
    accumulate_gradient(t, x, [g = weight * dy.data[0]](Index) { return g; });
  });
}

}  // namespace

template <class T>
Var sum(Tape<T>& tape, Var x) {
  return weighted_sum("sum", tape, x, T{1});
}

template <class T>
Var mean(Tape<T>& tape, Var x) {
  return weighted_sum("mean", tape, x, T{1} / static_cast<T>(tape.value(x).size()));
}

template Var sum(Tape<float>&, Var);
template Var sum(Tape<double>&, Var);
template Var mean(Tape<float>&, Var);
template Var mean(Tape<double>&, Var);

Operation describe_sum() {
  return {"sum",
          "y = sum x",
          "x of any shape, y ()",
          {{"matrix", {{2, 3}}, [](Tape<double>& t, std::span<const Var> x) { return sum(t, x[0]); }}}};
}

Operation describe_mean() {
  return {"mean",
          "y = sum x / size",
          "x of any shape, y ()",
          {{"matrix", {{2, 3}}, [](Tape<double>& t, std::span<const Var> x) { return mean(t, x[0]); }}}};
}

}  // namespace slalom
