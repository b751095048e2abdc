#include "slalom/explain/methods.hpp"

namespace slalom {

namespace {

void explain(BlackBox& f, const ExplainedText& text, const ExplainOptions& options, Explanation& result) {
  set_shapley_scores(exact_shapley(text.players(), coalition_values(f, text, options.masking)), 0, result);
}

}  // namespace

Method shapley_exact() {
  return {"shapley-exact",     "Shapley values, all 2^n coalitions", 0, {"absence"}, explain,
          Asks::all_coalitions};
}

}  // namespace slalom
