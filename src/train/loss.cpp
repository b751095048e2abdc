#include "slalom/train/loss.hpp"

#include <algorithm>

#include "slalom/ops/binary_cross_entropy.hpp"
#include "slalom/ops/cross_entropy.hpp"
#include "slalom/ops/squared_error.hpp"

namespace slalom {

template <class T>
Var loss(Tape<T>& tape, Var logits, const PackedBatch& texts, ProblemType type) {
  if (type == ProblemType::single_label)
    return cross_entropy(tape, logits, std::span<const int>(texts.labels));
  const Shape shape = tape.value(logits).shape;
  if (std::ssize(texts.targets) != shape.size())
    throw Error(concat("[loss] logits are ", to_string(shape), " and come with ", texts.targets.size(),
                       " targets, wanted as many"));
  const Tensor<T> targets = tape.allocate(shape);
  std::ranges::transform(texts.targets, targets.data, [](double y) { return static_cast<T>(y); });
  return type == ProblemType::multi_label ? binary_cross_entropy(tape, logits, Tensor<const T>(targets))
                                          : squared_error(tape, logits, tape.constant(targets));
}

template Var loss(Tape<float>&, Var, const PackedBatch&, ProblemType);
template Var loss(Tape<double>&, Var, const PackedBatch&, ProblemType);

template <class T>
T loss_of(std::span<const T> logits, int label, std::span<const double> targets, ProblemType type) {
  if (type == ProblemType::single_label) return cross_entropy_of(logits, label);
  T sum = 0;
  for (std::size_t c = 0; c < logits.size(); ++c) {
    const T x = logits[c], y = static_cast<T>(targets[c]);
    sum += type == ProblemType::multi_label ? binary_cross_entropy_of(x, y) : (x - y) * (x - y);
  }
  return sum / static_cast<T>(logits.size());
}

template float loss_of(std::span<const float>, int, std::span<const double>, ProblemType);
template double loss_of(std::span<const double>, int, std::span<const double>, ProblemType);

template <class T>
bool is_right(std::span<const T> logits, int label, std::span<const double> targets, ProblemType type) {
  if (type == ProblemType::single_label) return std::ranges::max_element(logits) - logits.begin() == label;
  return type == ProblemType::multi_label &&
         std::ranges::equal(logits, targets, [](T x, double y) { return (x > 0) == (y > 0.5); });
}

template bool is_right(std::span<const float>, int, std::span<const double>, ProblemType);
template bool is_right(std::span<const double>, int, std::span<const double>, ProblemType);

}  // namespace slalom
