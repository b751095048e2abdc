#include "slalom/explain/methods.hpp"

namespace slalom {

namespace {

void explain(BlackBox&, const ExplainedText& text, const ExplainOptions&, Explanation& result) {
  set_linear_scores(std::vector<double>(static_cast<std::size_t>(text.players())), result);
}

}  // namespace

Method zero_scores() {
  return {"zero",       "no token matters: a baseline that explanations have to beat", 0, {}, explain,
          Asks::nothing};
}

}  // namespace slalom
