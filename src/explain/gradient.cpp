#include <cmath>

#include "slalom/explain/embedding_gradient.hpp"
#include "slalom/explain/methods.hpp"
#include "slalom/explain/published.hpp"

namespace slalom {

namespace {

void explain(BlackBox& f, const ExplainedText& text, const ExplainOptions&, Explanation& result) {
  const GradientAtText at = gradient_at_text(f, text, "gradient", result);
  std::vector<double> norm = row_products(at.gradient, at.gradient, at.width);  // (S), squared as yet
  result.special = text.of_special(norm);
  norm = text.summed(norm);
  for (std::vector<double>* squares : {&norm, &result.special})
    for (double& x : *squares) x = std::sqrt(x);
  set_linear_scores(std::move(norm), result);
  result.warnings.emplace_back(
      "norms of gradients have no sign and are no parts of the log-odds: r2 and mse are not meant for them, "
      "correlation is");
}

}  // namespace

Method gradient() {
  return {"gradient",         "norm of the derivative by the word embedding", 0, {}, explain, Asks::passes,
          published::gradient};
}

}  // namespace slalom
