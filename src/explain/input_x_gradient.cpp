#include "slalom/explain/embedding_gradient.hpp"
#include "slalom/explain/methods.hpp"

namespace slalom {

namespace {

void explain(BlackBox& f, const ExplainedText& text, const ExplainOptions&, Explanation& result) {
  const GradientAtText at = gradient_at_text(f, text, "input-x-gradient", result);
  set_token_scores(row_products(at.embedding, at.gradient, at.width), text, result);
}

}  // namespace

Method input_x_gradient() {
  return {"input-x-gradient", "word embedding times its derivative", 0, {}, explain, Asks::passes};
}

}  // namespace slalom
