#include "slalom/surrogate/slalom.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "slalom/base/error.hpp"

namespace slalom {

double SlalomModel::predict(std::span<const Sample::Token> text, bool with_positions) const {
  if (text.empty() && !background)
    throw Error("[slalom] the empty text has no prediction without a background");
  double highest = background ? background->importance : -std::numeric_limits<double>::infinity();
  for (const Sample::Token k : text) {
    if (k < 0 || static_cast<std::size_t>(k) >= value.size())
      throw Error(
          slalom::concat("[slalom] token ", k, ", wanted 0 to ", static_cast<Index>(value.size()) - 1));
    highest = std::max(highest, importance[k]);
  }
  double sum = 0, normaliser = 0;
  const auto add = [&](double v, double s) {
    const double e = std::exp(s - highest);  // at most 1, and once equal to 1
    sum += e * v;
    normaliser += e;
  };
  if (background) add(background->value, background->importance);
  for (const Sample::Token k : text) add(value[k], importance[k]);
  return sum / normaliser + (positions && with_positions && !text.empty() ? positions->of(text) : 0);
}

void SlalomModel::centre() {
  if (importance.empty()) return;
  const double mean =
      std::accumulate(importance.begin(), importance.end(), 0.0) / static_cast<double>(importance.size());
  for (double& s : importance) s -= mean;
  if (background) background->importance -= mean;
}

void SlalomModel::bound_importances() {
  // Clipping moves the mean by less each time: the factor is the share of the importances that are clipped.
  bool clipped = true;
  for (int round = 0; round < 200 && clipped; ++round) {
    centre();
    clipped = false;
    for (double& s : importance) {
      clipped = clipped || std::abs(s) > kImportanceBound * (1 + 1e-12);
      s = std::clamp(s, -kImportanceBound, kImportanceBound);
    }
  }
  if (background)
    background->importance = std::clamp(background->importance, -2 * kImportanceBound, kImportanceBound);
}

}  // namespace slalom
