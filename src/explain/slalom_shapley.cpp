#include "slalom/explain/methods.hpp"

#include "slalom/explain/slalom_evidence.hpp"
#include "slalom/surrogate/closed_form_shapley.hpp"

namespace slalom {

namespace {

void explain(BlackBox& f, const ExplainedText& text, const ExplainOptions& options, Explanation& result) {
  fit_slalom_of_all_sizes(f, text, options, result);
  const auto scores = std::get<SlalomScores>(result.scores);
  set_linear_scores(
      slalom_shapley(scores.value, scores.importance, scores.background, value_of_nothing(f, text, scores)),
      result);
}

}  // namespace

Method slalom_shapley_values() {
  return {"slalom-shapley",
          "Shapley values of a SLALOM fitted to deletions of all sizes",
          500,
          {"budget", "background", "prior", "positions"},
          explain,
          Asks::coalitions};
}

}  // namespace slalom
