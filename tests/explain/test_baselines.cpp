// Random and zero scores: what the other methods are measured against.
#include <doctest/doctest.h>

#include <cmath>

#include "../support/compare.hpp"
#include "explained.hpp"
#include "slalom/base/error.hpp"
#include "slalom/explain/explanation.hpp"

using namespace slalom;
using namespace slalom::test;

namespace {

const auto kSpecial = [](TokenId id) { return id <= 2; };

// Σ of id / 10, and 5 for each special token.
double additive(std::span<const TokenId> ids) {
  double sum = 0;
  for (const TokenId id : ids) sum += id <= 2 ? 5 : 0.1 * id;
  return sum;
}

}  // namespace

TEST_CASE("random: uniform on -1 to 1, by seed and text") {
  FunctionBlackBox f(additive);
  std::vector<TokenId> ids(4000, 7);
  const auto scores = [&](std::uint64_t seed) {
    return weights_of(explain(method_named("random"), f, {ids, kSpecial}, {.seed = seed, .held_out = 0}));
  };
  const std::vector<double> first = scores(0);
  double mean = 0, square = 0;
  for (const double x : first) {
    CHECK(std::abs(x) <= 1);
    mean += x / 4000;
    square += x * x / 4000;
  }
  CHECK(std::abs(mean) <= 4 * std::sqrt(1 / 3. / 4000));              // four standard errors
  CHECK(std::abs(square - 1 / 3.) <= 4 * std::sqrt(4 / 45. / 4000));  // x² has variance 4 / 45
  CHECK(scores(0) == first);
  CHECK(scores(1) != first);
  ids.back() = 8;
  CHECK(scores(0) != first);
}

// Deletions of an additive classifier have a variance, which a constant does not explain: r2 ≤ 0.
TEST_CASE("zero: all scores 0, and a fidelity that others have to beat") {
  FunctionBlackBox f(additive);
  const ExplainedText text({1, 10, 14, 20, 30, 2}, kSpecial);
  const Explanation e = explain(method_named("zero"), f, text, {});
  CHECK(weights_of(e) == std::vector<double>(4));
  CHECK(e.fidelity->r2 <= 0);
  CHECK(std::isnan(e.fidelity->correlation));
  CHECK(e.cost.queries == 1);
  CHECK(explain(method_named("leave-one-out"), f, text, {}).fidelity->r2 > e.fidelity->r2);
  CHECK(explain(method_named("random"), f, text, {}).fidelity->r2 < 1);
}
