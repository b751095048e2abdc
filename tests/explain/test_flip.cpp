#include "slalom/explain/flip.hpp"

#include <doctest/doctest.h>

#include <bit>
#include <cmath>

#include "slalom/base/error.hpp"
#include "slalom/base/random.hpp"
#include "slalom/explain/explanation.hpp"

using namespace slalom;

namespace {

double without(std::span<const double> weight, std::span<const double> value,
               const std::optional<Background>& background, std::uint32_t removed) {
  double sum = background ? std::exp(background->importance) * background->value : 0,
         all = background ? std::exp(background->importance) : 0;
  for (std::size_t i = 0; i < weight.size(); ++i)
    if ((removed >> i & 1) == 0) {
      sum += weight[i] * value[i];
      all += weight[i];
    }
  return sum / all;
}

}  // namespace

TEST_CASE("flip: the best removal of k tokens is that of all sets of k") {
  Rng rng(1, Purpose::test);
  for (int run = 0; run < 2000; ++run) {
    const Index n = 2 + rng.below(11), k = 1 + rng.below(static_cast<std::uint32_t>(n - 1));
    std::vector<double> weight, value;
    for (Index i = 0; i < n; ++i) {
      weight.push_back(std::exp(2 * rng.normal()));
      value.push_back(3 * rng.normal());
    }
    std::optional<Background> background;
    if (run % 2 == 0) background = Background{rng.normal(), rng.normal()};
    const double sign = run % 3 == 0 ? -1 : 1;
    double least = INFINITY;
    for (std::uint32_t set = 0; set < std::uint32_t{1} << n; ++set)
      if (std::popcount(set) == k) least = std::min(least, sign * without(weight, value, background, set));
    std::uint32_t found = 0;
    const BestRemoval best = best_removal(weight, value, background, sign, k);
    for (const Index i : best.removed) found |= std::uint32_t{1} << i;
    REQUIRE(std::popcount(found) == k);
    REQUIRE(std::abs(sign * without(weight, value, background, found) - least) <
            1e-9 * (1 + std::abs(least)));
    REQUIRE(std::abs(sign * best.log_odds - least) < 1e-9 * (1 + std::abs(least)));
  }
}

TEST_CASE("flip: one strong token changes the sign, which leave-one-out and greedy find with more queries") {
  // F = (.2 + 4 · 2 − .5 − .5) / (1 + 4 + 1 + 1): without token 10 it is −.8 / 3.
  const SlalomModel model{{2, -0.5, -0.5}, {std::log(4.0), 0, 0}, Background{0.2, 0}};
  FunctionBlackBox f([&](std::span<const TokenId> ids) {
    std::vector<Sample::Token> tokens;
    for (const TokenId id : ids)
      if (id >= 10) tokens.push_back(id - 10);
    return model.predict(tokens);
  });
  const ExplainedText text({1, 10, 11, 12}, [](TokenId id) { return id <= 2; });
  const Explanation e = explain(method_named("slalom-exact"), f, text, {.flip = 20, .held_out = 0});
  REQUIRE(e.flips.size() == 3);
  for (const Flip& flip : e.flips) {
    CHECK(flip.flips);
    CHECK(flip.removed == std::vector<Index>{0});
    CHECK(std::abs(flip.log_odds + 0.8 / 3) < 1e-12);
  }
  CHECK(e.flips[0].chosen_by == "slalom-exact");
  CHECK(e.flips[0].queries == 1);
  CHECK(e.flips[1].queries == 4);  // three single removals, one set
  CHECK(e.flips[2].queries == 3);
  CHECK(explain(method_named("zero"), f, text, {.flip = 20}).flips.empty());
}
