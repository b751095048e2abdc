#include "slalom/ops/binary_cross_entropy.hpp"

#include "slalom/ops/accumulate_gradient.hpp"

namespace slalom {

template <class T>
Var binary_cross_entropy(Tape<T>& tape, Var x, Tensor<const T> target) {
  const Tensor<T> a = tape.value(x);
  if (a.shape != target.shape)
    throw Error(
        concat("[binary_cross_entropy] x is ", to_string(a.shape), ", target ", to_string(target.shape)));
  const Tensor<T> loss = tape.allocate({});
  T sum = 0;
  for (Index i = 0; i < a.size(); ++i) sum += binary_cross_entropy_of<T>(a.data[i], target.data[i]);
  loss.data[0] = sum / static_cast<T>(a.size());
  return tape.record("binary_cross_entropy", loss, {x}, [=](Tape<T>& t, Tensor<const T> dloss) {
    const T weight = dloss.data[0] / static_cast<T>(a.size());
    accumulate_gradient(t, x,
                        [=](Index i) { return weight * (1 / (1 + std::exp(-a.data[i])) - target.data[i]); });
  });
}

template Var binary_cross_entropy(Tape<float>&, Var, Tensor<const float>);
template Var binary_cross_entropy(Tape<double>&, Var, Tensor<const double>);

Operation describe_binary_cross_entropy() {
  static constexpr double kTarget[] = {0, 1, 0.25, 1, 0, 1};
  return {"binary_cross_entropy",
          "loss = mean (log(1 + e^x) - target x)",
          "x, target of one shape, loss ()",
          {{"two texts, three labels", {{2, 3}}, [](Tape<double>& t, std::span<const Var> x) {
              return binary_cross_entropy(t, x[0], Tensor<const double>{kTarget, {2, 3}});
            }}}};
}

}  // namespace slalom
