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

// Not additive, and different for each token.
double answer_of(std::span<const TokenId> ids) {
  double x = 0.3, y = 0;
  for (const TokenId id : ids) {
    x += 0.05 * std::sin(id);
    y += 0.02 * std::cos(2.0 * id);
  }
  return x + y * y + x * y;
}

// [CLS] 10 11 … [SEP]: an id says which place of the text it comes from.
std::vector<TokenId> numbered(Index n) {
  std::vector<TokenId> ids = {1};
  for (Index i = 0; i < n; ++i) ids.push_back(static_cast<TokenId>(10 + i));
  ids.push_back(2);
  return ids;
}

struct Dense {
  std::vector<double> solution;  // intercept, then weights
  double r2, effective;
};

// Gauss elimination on Σ w (1, z)ᵀ(1, z) + diag(0, 1, …, 1), for 0/1 vectors z and cosines by definition.
Dense dense_ridge(const std::vector<std::vector<double>>& z, const std::vector<double>& y) {
  const std::size_t n = z[0].size() + 1, m = z.size();
  std::vector<double> w;
  for (const std::vector<double>& row : z) {
    double dot = 0, norm = 0;
    for (const double x : row) {
      dot += x;
      norm += x * x;
    }
    const double cosine = norm == 0 ? 0 : dot / std::sqrt(norm * static_cast<double>(n - 1));
    w.push_back(std::sqrt(std::exp(-std::pow(100 * (1 - cosine), 2) / (25.0 * 25.0))));
  }
  std::vector<std::vector<double>> a(n, std::vector<double>(n + 1));
  const auto at = [&](std::size_t i, std::size_t j) { return j == 0 ? 1 : z[i][j - 1]; };
  for (std::size_t r = 0; r < n; ++r) {
    if (r > 0) a[r][r] = 1;
    for (std::size_t i = 0; i < m; ++i) {
      for (std::size_t c = 0; c < n; ++c) a[r][c] += w[i] * at(i, r) * at(i, c);
      a[r][n] += w[i] * at(i, r) * y[i];
    }
  }
  for (std::size_t p = 0; p < n; ++p)  // positive definite: no pivoting
    for (std::size_t r = 0; r < n; ++r) {
      if (r == p) continue;
      const double factor = a[r][p] / a[p][p];
      for (std::size_t c = p; c <= n; ++c) a[r][c] -= factor * a[p][c];
    }
  Dense found{{}, 0, 0};
  for (std::size_t r = 0; r < n; ++r) found.solution.push_back(a[r][n] / a[r][r]);
  double sum = 0, squares = 0, mean = 0, left = 0, all = 0;
  for (std::size_t i = 0; i < m; ++i) {
    sum += w[i];
    squares += w[i] * w[i];
    mean += w[i] * y[i];
  }
  for (std::size_t i = 0; i < m; ++i) {
    double predicted = 0;
    for (std::size_t c = 0; c < n; ++c) predicted += at(i, c) * found.solution[c];
    left += w[i] * std::pow(y[i] - predicted, 2);
    all += w[i] * std::pow(y[i] - mean / sum, 2);
  }
  found.r2 = 1 - left / all;
  found.effective = sum * sum / squares;
  return found;
}

// The texts that were asked, as 0/1 vectors; each is asked once only.
struct Recorded {
  std::vector<std::vector<double>> z;
  std::vector<double> answers;
  FunctionBlackBox f;
  explicit Recorded(Index n)
      : f([this, n](std::span<const TokenId> ids) {
          std::vector<double> row(static_cast<std::size_t>(n));
          for (const TokenId id : ids)
            if (id >= 10) row[static_cast<std::size_t>(id - 10)] = 1;
          z.push_back(row);
          answers.push_back(answer_of(ids));
          return answers.back();
        }) {}
};

}  // namespace

TEST_CASE("lime: the dense ridge regression on the same texts") {
  constexpr Index n = 60, kBudget = 50;
  Recorded recorded(n);
  const ExplainedText text(numbered(n), kSpecial);
  const Explanation e =
      explain(method_named("lime"), recorded.f, text, {.budget = kBudget, .seed = 4, .held_out = 0});
  REQUIRE(e.cost.unique_queries == kBudget);  // no removal was drawn twice
  const Dense want = dense_ridge(recorded.z, recorded.answers);
  CHECK(relative_error(weights_of(e), std::span(want.solution).subspan(1)) <= 1e-10);
  CHECK(relative_error(check_of(e, "intercept"), want.solution[0]) <= 1e-10);
  CHECK(std::abs(check_of(e, "r2_fit") - want.r2) <= 1e-10);
  CHECK(relative_error(check_of(e, "effective_samples"), want.effective) <= 1e-12);
  // intercept + Σ present
  std::vector<std::uint8_t> member(n, 1);
  member[3] = member[17] = 0;
  double rest = want.solution[0] - want.solution[4] - want.solution[18];
  for (std::size_t j = 1; j <= n; ++j) rest += want.solution[j];
  CHECK(std::abs(e.predict(member) - rest) <= 1e-9);
  CHECK(e.warnings.size() == 1);  // the kernel leaves fewer samples than weights
}

TEST_CASE("lime: removals of every size, all tokens only where a text is left") {
  const auto sizes = [](std::vector<TokenId> ids, Masking masking) {
    std::vector<Index> removed(7);
    FunctionBlackBox f([&](std::span<const TokenId> asked) {
      Index kept = 0;
      for (const TokenId id : asked) kept += id >= 10;
      ++removed[6 - kept];
      return answer_of(asked);
    });
    explain(method_named("lime"), f, {std::move(ids), kSpecial},
            {.budget = 2000, .masking = masking, .held_out = 0});
    return removed;
  };
  const std::vector<TokenId> bare = {10, 11, 12, 13, 14, 15};
  // C(6, k): 2,000 draws find all 63 removals.
  CHECK(sizes(numbered(6), {}) == std::vector<Index>{1, 6, 15, 20, 15, 6, 1});
  CHECK(sizes(bare, {}) == std::vector<Index>{1, 6, 15, 20, 15, 6, 0});
  CHECK(sizes(bare, {3}) == std::vector<Index>{1, 6, 15, 20, 15, 6, 1});
}

// Many samples leave the ridge no say: the weights of an additive classifier are found up to about 1 / Σ w.
TEST_CASE("lime: an additive classifier's weights, and the same bits again") {
  FunctionBlackBox f([](std::span<const TokenId> ids) {
    double sum = 0.5;
    for (const TokenId id : ids) sum += id >= 10 ? 0.3 * id - 4 : 0;
    return sum;
  });
  const ExplainedText text({1, 10, 14, 20, 10, 2}, kSpecial);
  const auto explained = [&](Index budget, std::uint64_t seed) {
    return explain(method_named("lime"), f, text, {.budget = budget, .seed = seed});
  };
  const Explanation e = explained(100'000, 0);
  CHECK(relative_error(weights_of(e), std::vector<double>{-1, 0.2, 2, -1}) <= 1e-3);
  CHECK(check_of(e, "r2_fit") >= 1 - 1e-6);
  CHECK(e.fidelity->r2 >= 1 - 1e-5);
  CHECK(weights_of(explained(500, 1)) == weights_of(explained(500, 1)));
  CHECK(weights_of(explained(500, 1)) != weights_of(explained(500, 2)));
  CHECK(e.cost.queries == 1 + 100'000);
}

TEST_CASE("lime: one token, with and without an empty text") {
  FunctionBlackBox f([](std::span<const TokenId> ids) { return static_cast<double>(ids.size()); });
  const Explanation alone = explain(method_named("lime"), f, {{12}, kSpecial}, {});
  CHECK(weights_of(alone) == std::vector<double>{0});
  CHECK(check_of(alone, "intercept") == 1);
  const Explanation wrapped = explain(method_named("lime"), f, {{1, 12, 2}, kSpecial}, {});
  CHECK(weights_of(wrapped)[0] > 0);
  CHECK(std::isfinite(check_of(wrapped, "r2_fit")));
}
