#include "slalom/explain/methods.hpp"

#include "slalom/surrogate/identification.hpp"

namespace slalom {

namespace {

void explain(BlackBox& f, const ExplainedText& text, const ExplainOptions& options, Explanation& result) {
  const Identification found = identify_slalom(text.distinct(), token_answers(f, text),
                                               {.background = *options.background,
                                                .empty_text = text.has_empty_text(),
                                                .extra_pairs = *options.budget,
                                                .seed = options.seed,
                                                .rounding = f.rounding(),
                                                .longest = text.most_units(f)});
  set_slalom_scores(found.model, text, result);
  result.checks.emplace_back("pairs", static_cast<double>(found.pairs));
  result.checks.emplace_back("betweenness_violations", static_cast<double>(found.violations));
  result.checks.emplace_back("mse_asked", found.refined_mse);
  result.warnings = found.warnings;
}

}  // namespace

Method slalom_exact() {
  return {"slalom-exact",
          "SLALOM identified from 2K - 1 short texts",
          0,
          {"budget", "background", "flip"},
          explain,
          Asks::identification};
}

}  // namespace slalom
