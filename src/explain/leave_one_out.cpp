#include "slalom/explain/methods.hpp"

namespace slalom {

namespace {

void explain(BlackBox& f, const ExplainedText& text, const ExplainOptions& options, Explanation& result) {
  const Index n = text.players();
  Coalitions kept{n, std::vector<std::uint8_t>(static_cast<std::size_t>(n * n), 1)};
  for (Index i = 0; i < n; ++i) kept.member[static_cast<std::size_t>(i * n + i)] = 0;
  std::vector<double> weight = coalition_values(f, text, options.masking)(kept);
  for (double& w : weight) w = result.log_odds - w;
  set_linear_scores(std::move(weight), result);
}

}  // namespace

Method leave_one_out() {
  return {"leave-one-out", "F(t) - F(t without the token)", 0, {"absence"}, explain, Asks::single_deletions};
}

}  // namespace slalom
