#include "slalom/train/evaluation.hpp"

#include <algorithm>
#include <cmath>

#include "slalom/base/error.hpp"
#include "slalom/nn/predictor.hpp"
#include "slalom/train/loss.hpp"

namespace slalom {

std::pair<double, double> Share::interval() const {
  const double z = 1.959963984540054, n = static_cast<double>(texts), p = value();
  const double centre = (p + z * z / (2 * n)) / (1 + z * z / n);
  const double half = z / (1 + z * z / n) * std::sqrt(p * (1 - p) / n + z * z / (4 * n * n));
  return {centre - half, centre + half};
}

template <class T>
Evaluation evaluate(TextClassifier<T>& model, const PackedBatch& texts) {
  if (texts.texts() == 0) throw Error("[evaluate] found no texts, wanted one or more");
  const Index C = model.labels();
  std::vector<T> logits;
  Predictor<T>(model).logits(texts, logits);
  const ProblemType type = model.problem();
  Evaluation result{{0, type == ProblemType::regression ? 0 : texts.texts()}};
  for (Index b = 0; b < texts.texts(); ++b) {
    const std::vector<double> row(logits.begin() + b * C, logits.begin() + (b + 1) * C);
    const int label = texts.labels[static_cast<std::size_t>(b)];
    if (label < 0 || label >= C)
      throw Error(concat("[evaluate] text ", b, " has label ", label, ", wanted 0 to ", C - 1));
    result.accuracy.right += is_right<double>(row, label, texts.targets_of(b), type);
    result.loss += loss_of<double>(row, label, texts.targets_of(b), type);
  }
  result.loss /= static_cast<double>(texts.texts());
  return result;
}

template Evaluation evaluate(TextClassifier<float>&, const PackedBatch&);
template Evaluation evaluate(TextClassifier<double>&, const PackedBatch&);

}  // namespace slalom
