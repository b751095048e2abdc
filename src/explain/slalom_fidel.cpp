#include "slalom/explain/methods.hpp"

#include "slalom/explain/slalom_evidence.hpp"

namespace slalom {

namespace {

// Deletions are all nearly as long as the text and hardly tell a background from tokens that share it. The
// empty text and single tokens do; they are light enough to leave the fit to the deletions wherever those
// determine it.
constexpr double kAnchorWeight = 1e-4;

void explain(BlackBox& f, const ExplainedText& text, const ExplainOptions& options, Explanation& result) {
  fit_slalom_to_deletions(f, text, options, kAnchorWeight, result);
}

}  // namespace

Method slalom_fidel() {
  return {"slalom-fidel",
          "SLALOM fitted to random deletions of the text",
          500,
          {"budget", "background", "most-deleted", "as-published"},
          explain,
          Asks::deletions};
}

}  // namespace slalom
