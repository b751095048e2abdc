#include <numeric>

#include "slalom/explain/methods.hpp"
#include "slalom/explain/published.hpp"
#include "slalom/explain/relevance.hpp"

namespace slalom {

namespace {

// What the lines absorb, by name; shares of 0 are of rules that the line has no use for.
void add_conservation(const Relevance& relevance, Explanation& result) {
  double sum = std::accumulate(relevance.token.begin(), relevance.token.end(), 0.0);
  for (const ConservationLine& line : relevance.conservation) {
    sum += line.absorbed();
    const auto add = [&](const char* share, double absorbed) {
      if (absorbed != 0) result.checks.emplace_back(line.name + share, absorbed);
    };
    add(".bias", line.bias);
    add(".epsilon", line.epsilon);
    add(".softmax", line.softmax);
    add(".layer_norm", line.layer_norm);
    add(line.name == "log_odds" ? ".log_sum_exp" : "", line.own);
  }
  result.checks.emplace_back("conservation_gap", sum - relevance.log_odds);
}

void explain(BlackBox& f, const ExplainedText& text, const ExplainOptions&, Explanation& result) {
  const Relevance relevance = with_gradient_access(f, "attn-lrp", [&](auto& model, Index target) {
    return attn_lrp(model, text.ids(), text.encoding().types, target);
  });
  f.add_cost({1, 1, std::ssize(text.ids())});
  result.checks.emplace_back("backward_passes", 1);
  set_token_scores(relevance.token, text, result);
  add_conservation(relevance, result);
}

}  // namespace

Method attn_lrp_relevance() {
  return {"attn-lrp",
          "relevance propagated back from the log-odds, with a record of its conservation",
          0,
          {},
          explain,
          Asks::passes,
          published::attn_lrp};
}

}  // namespace slalom
