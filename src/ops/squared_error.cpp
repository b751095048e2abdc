#include "slalom/ops/squared_error.hpp"

#include "slalom/ops/accumulate_gradient.hpp"

namespace slalom {

template <class T>
Var squared_error(Tape<T>& tape, Var x, Var target) {
  const Tensor<T> a = tape.value(x), b = tape.value(target);
  if (a.shape != b.shape)
    throw Error(concat("[squared_error] x is ", to_string(a.shape), ", target ", to_string(b.shape)));
  const Tensor<T> loss = tape.allocate({});
  T sum = 0;
  for (Index i = 0; i < a.size(); ++i) sum += (a.data[i] - b.data[i]) * (a.data[i] - b.data[i]);
  loss.data[0] = sum / static_cast<T>(a.size());
  return tape.record("squared_error", loss, {x, target}, [=](Tape<T>& t, Tensor<const T> dloss) {
    const T weight = 2 * dloss.data[0] / static_cast<T>(a.size());
    accumulate_gradient(t, x, [=](Index i) { return weight * (a.data[i] - b.data[i]); });
    accumulate_gradient(t, target, [=](Index i) { return weight * (b.data[i] - a.data[i]); });
  });
}

template Var squared_error(Tape<float>&, Var, Var);
template Var squared_error(Tape<double>&, Var, Var);

Operation describe_squared_error() {
  return {"squared_error",
          "loss = mean (x - target)^2",
          "x, target of one shape, loss ()",
          {{"two inputs", {{2, 3}, {2, 3}}, [](Tape<double>& t, std::span<const Var> x) {
              return squared_error(t, x[0], x[1]);
            }}}};
}

}  // namespace slalom
