#include "slalom/surrogate/sample.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <set>
#include <string>

#include "../support/compare.hpp"
#include "../support/error_of.hpp"
#include "slalom/base/error.hpp"

using namespace slalom;
using test::relative_error;
using Tokens = std::vector<Sample::Token>;

namespace {

Sample three_texts() {
  Sample sample;
  sample.tokens = 4;
  sample.add(Tokens{3, 1, 3}, 1.0);
  sample.add(Tokens{}, 2.0);
  sample.add(Tokens{0}, 6.0);
  return sample;
}

std::string complaint(const Sample& sample) {
  return test::error_of([&] { sample.check(); });
}

}  // namespace

TEST_CASE("a sample keeps its texts in order") {
  const Sample sample = three_texts();
  CHECK_NOTHROW(sample.check());
  CHECK(sample.texts() == 3);
  CHECK(Tokens(sample.text(0).begin(), sample.text(0).end()) == Tokens{3, 1, 3});
  CHECK(sample.text(1).empty());
  CHECK(sample.text(2)[0] == 0);
}

TEST_CASE("tokens are counted in ascending order") {
  const TokenCounts counts = count_tokens(three_texts());
  CHECK(counts.begin == std::vector<Index>{0, 2, 2, 3});
  CHECK(counts.token == Tokens{1, 3, 0});
  CHECK(counts.count == std::vector<double>{1, 2, 1});
}

TEST_CASE("squared errors and R² have known answers") {
  Sample sample = three_texts();  // targets 1, 2, 6: mean 3, variance (4 + 1 + 9) / 3 = 14/3
  const std::vector<double> predicted = {2, 2, 4};  // errors 1, 0, −2: mean square 5/3
  CHECK(relative_error(mean_squared_error(sample, predicted), 5.0 / 3) < 1e-15);
  CHECK(relative_error(r_squared(sample, predicted), 1 - 5.0 / 14) < 1e-15);
  sample.weight = {1, 2, 1};  // mean 11/4; Σ w (F − mean)² = (49 + 2 · 9 + 169) / 16 = 14.75; Σ w error² = 5
  CHECK(relative_error(mean_squared_error(sample, predicted), 5.0 / 4) < 1e-15);
  CHECK(relative_error(r_squared(sample, predicted), 1 - 5 / 14.75) < 1e-15);
}

TEST_CASE("R² of equal targets is not a number") {
  Sample sample;
  sample.tokens = 1;
  for (int i = 0; i < 10; ++i) sample.add(Tokens{0}, 0.1);
  CHECK(std::isnan(r_squared(sample, std::vector<double>(10, 0.1))));
}

TEST_CASE("a bad sample is refused with the text's number") {
  CHECK(complaint(Sample{}).find("no text") != std::string::npos);
  Sample sample = three_texts();
  sample.token[1] = 4;
  CHECK(complaint(sample).find("text 0: token 4, wanted 0 to 3") != std::string::npos);
  sample.token[1] = -1;
  CHECK(complaint(sample).find("token -1") != std::string::npos);
  sample = three_texts();
  sample.target[2] = std::numeric_limits<double>::quiet_NaN();
  CHECK(complaint(sample).find("text 2: log-odds nan") != std::string::npos);
  sample = three_texts();
  for (const double weight : {0.0, -1.0, std::numeric_limits<double>::infinity()}) {
    sample.weight = {1, weight, 1};
    CHECK(complaint(sample).find("text 1: weight") != std::string::npos);
  }
  sample.weight = {1, 1};
  CHECK(complaint(sample).find("2 weights") != std::string::npos);
  sample = three_texts();
  sample.begin[1] = 5;
  CHECK(complaint(sample).find("begin") != std::string::npos);
  CHECK_THROWS_AS(mean_squared_error(three_texts(), std::vector<double>(2)), Error);
}

TEST_CASE("new pairs: all that the sample does not hold, each once") {
  Sample sample;
  sample.tokens = 3;
  sample.add(Tokens{2, 0}, 0);
  sample.add(Tokens{1, 1}, 0);
  const std::vector<Tokens> drawn = draw_new_pairs(sample, 100, 4);
  CHECK(std::set(drawn.begin(), drawn.end()) == std::set<Tokens>{{0, 1}, {0, 2}, {1, 0}, {1, 2}, {2, 1}});
  CHECK(drawn.size() == 5);
}

// 65,537 · 65,536 = 2^32 + 65,536 pairs: the first 65,536 of them begin with token 0.
TEST_CASE("new pairs: more of them than 32 bits can number are as likely as any") {
  for (const Index tokens : {Index{65'537}, Index{200'000}}) {
    Sample sample;
    sample.tokens = tokens;
    constexpr int n = 2000;
    const std::vector<Tokens> drawn = draw_new_pairs(sample, n, 4);
    REQUIRE(drawn.size() == n);
    CHECK(std::set(drawn.begin(), drawn.end()).size() == n);
    double first = 0, second = 0;
    for (const Tokens& pair : drawn) {
      REQUIRE((pair[0] >= 0 && pair[0] < tokens && pair[1] >= 0 && pair[1] < tokens && pair[0] != pair[1]));
      first += pair[0] / static_cast<double>(tokens) / n;
      second += pair[1] / static_cast<double>(tokens) / n;
    }
    // The mean of n numbers that are uniform on [0, 1), within five standard errors.
    CHECK(std::abs(first - 0.5) < 5 / std::sqrt(12.0 * n));
    CHECK(std::abs(second - 0.5) < 5 / std::sqrt(12.0 * n));
  }
}

TEST_CASE("without repeats: the first of equal texts, order and all") {
  Sample sample = three_texts();
  sample.add(Tokens{3, 1, 3}, 5.0);
  sample.add(Tokens{1, 3, 3}, 7.0);
  const Sample distinct = without_repeats(sample);
  CHECK(distinct.tokens == 4);
  CHECK(distinct.target == std::vector<double>{1, 2, 6, 7});
  CHECK(distinct.begin == std::vector<Index>{0, 3, 3, 4, 7});
}
