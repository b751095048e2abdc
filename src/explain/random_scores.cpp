#include "slalom/explain/methods.hpp"

namespace slalom {

namespace {

// The ids choose the stream, so that texts of one run do not share their numbers.
void explain(BlackBox&, const ExplainedText& text, const ExplainOptions& options, Explanation& result) {
  std::uint64_t index = 0;
  for (const TokenId id : text.ids())
    index = stream_key(index, Purpose::query, static_cast<std::uint64_t>(id));
  Rng rng(options.seed, Purpose::query, index);
  std::vector<double> weight(static_cast<std::size_t>(text.players()));
  for (double& w : weight) w = 2 * rng.uniform() - 1;
  set_linear_scores(std::move(weight), result);
}

}  // namespace

Method random_scores() {
  return {"random",     "uniform on -1 to 1: a baseline that explanations have to beat", 0, {}, explain,
          Asks::nothing};
}

}  // namespace slalom
