#include "slalom/ops/cross_entropy.hpp"

#include "slalom/kernels/rowwise.hpp"

namespace slalom {

template <class T>
Var cross_entropy(Tape<T>& tape, Var logits, std::span<const int> labels, Tensor<T>* each) {
  const Tensor<T> X = tape.value(logits);
  const Index B = X.rows(), C = X.columns();
  if (static_cast<Index>(labels.size()) != B)
    throw Error(concat("[cross_entropy] logits are ", to_string(X.shape), " and come with ", labels.size(),
                       " labels"));
  const Tensor<T> p = tape.allocate(X.shape), losses = tape.allocate({B}), loss = tape.allocate({});
  T sum = 0;
  for (Index b = 0; b < B; ++b) {
    const int label = labels[static_cast<std::size_t>(b)];
    if (label < 0 || label >= C)
      throw Error(concat("[cross_entropy] text ", b, " has label ", label, ", wanted 0 to ", C - 1));
    losses.data[b] = softmax_row(C, X.row(b), p.row(b)) - X.row(b)[label];
    sum += losses.data[b];
  }
  loss.data[0] = sum / static_cast<T>(B);
  if (each != nullptr) *each = losses;
  return tape.record("cross_entropy", loss, {logits}, [=](Tape<T>& t, Tensor<const T> dloss) {
    const GradientSlot<T> dx = t.gradient_slot(logits);
    const T weight = dloss.data[0] / static_cast<T>(B);
    for (Index b = 0; b < B; ++b)
      for (Index c = 0; c < C; ++c) {
        const T g = weight * (p.row(b)[c] - (c == labels[static_cast<std::size_t>(b)] ? T{1} : T{0}));
        T& to = dx.data[b * C + c];
        to = dx.beta == T{0} ? g : to + g;
      }
  });
}

template Var cross_entropy(Tape<float>&, Var, std::span<const int>, Tensor<float>*);
template Var cross_entropy(Tape<double>&, Var, std::span<const int>, Tensor<double>*);

template <class T>
T cross_entropy_of(std::span<const T> logits, int label) {
  std::vector<T> p(logits.size());
  return softmax_row(static_cast<Index>(logits.size()), logits.data(), p.data()) -
         logits[static_cast<std::size_t>(label)];
}

template float cross_entropy_of(std::span<const float>, int);
template double cross_entropy_of(std::span<const double>, int);

Operation describe_cross_entropy() {
  static constexpr int kLabels[] = {2, 0, 1};
  return {"cross_entropy",
          "loss = mean_b (log sum_c exp(x[b][c]) - x[b][label[b]])",
          "logits (B, C), labels (B), loss ()",
          {{"three texts, three classes", {{3, 3}}, [](Tape<double>& t, std::span<const Var> x) {
              return cross_entropy(t, x[0], kLabels);
            }}}};
}

}  // namespace slalom
