#include <cmath>

#include "slalom/explain/embedding_gradient.hpp"
#include "slalom/explain/methods.hpp"

namespace slalom {

namespace {

void explain(BlackBox& f, const ExplainedText& text, const ExplainOptions&, Explanation& result) {
  const GradientAtText at = gradient_at_text(f, text, "gradient", result);
  std::vector<double> norm;
  for (const ExplainedText::Range& unit : text.units()) {
    double squares = 0;
    for (Index i = unit.first * at.width; i < (unit.first + unit.size) * at.width; ++i)
      squares += at.gradient[i] * at.gradient[i];
    norm.push_back(std::sqrt(squares));
  }
  set_linear_scores(std::move(norm), result);
  result.warnings.emplace_back(
      "norms of gradients have no sign and are no parts of the log-odds: r2 and mse are not meant for them, "
      "correlation is");
}

}  // namespace

Method gradient() {
  return {"gradient", "norm of the derivative by the word embedding", 0, {}, explain, Asks::passes};
}

}  // namespace slalom
