#include "slalom/surrogate/identification.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <numeric>
#include <set>

#include "../support/compare.hpp"
#include "random_slalom.hpp"
#include "slalom/base/error.hpp"

using namespace slalom;
using test::random_slalom;
using test::relative_error;
using test::worst_difference;
using Tokens = std::vector<Sample::Token>;

namespace {

Answers answers_of(const SlalomModel& model) {
  return [model](const std::vector<Tokens>& texts) {
    std::vector<double> answers;
    for (const Tokens& text : texts) answers.push_back(model.predict(text));
    return answers;
  };
}

void check_finite(const Identification& found) {
  double sum = found.first_mse + found.refined_mse;
  for (const double v : found.model.value) sum += v;
  for (const double s : found.model.importance) {
    sum += s;
    CHECK(std::abs(s) <= kImportanceBound + 1e-9);
  }
  if (found.model.background) sum += found.model.background->value + found.model.background->importance;
  CHECK(std::isfinite(sum));
}

/// Errors of values and of centred importances.
double worst_error(const Identification& found, const SlalomModel& truth) {
  double worst = std::max(worst_difference(found.model.value, truth.value),
                          worst_difference(found.model.importance, truth.importance));
  if (truth.background)
    worst = std::max({worst, std::abs(found.model.background->value - truth.background->value),
                      std::abs(found.model.background->importance - truth.background->importance)});
  return worst;
}

}  // namespace

TEST_CASE("2K − 1 answers identify a SLALOM") {
  for (const Index tokens : {2, 3, 10, 100, 1000})
    for (std::uint64_t seed = 1; seed <= (tokens < 1000 ? 5 : 2); ++seed) {
      const SlalomModel truth = random_slalom(tokens, 1, false, seed);
      const Identification found = identify_slalom(tokens, answers_of(truth), {});
      CAPTURE(tokens);
      CAPTURE(seed);
      CHECK(worst_error(found, truth) < 1e-9);
      CHECK(found.asked.texts() == 2 * tokens - 1);
      CHECK(found.pairs == tokens - 1);
      CHECK(found.violations == 0);
      CHECK(found.warnings.empty());
      CHECK(found.first_mse < 1e-20);
    }
}

TEST_CASE("very unequal importances are told by further questions") {
  for (const Index tokens : {2, 3, 10, 100})
    for (std::uint64_t seed = 1; seed <= 10; ++seed) {
      SlalomModel truth = random_slalom(tokens, 1, false, seed);
      Rng rng(seed, Purpose::test, 5);
      for (double& s : truth.importance) s = 10 * rng.uniform() - 5;  // 22,000 to 1
      truth.importance[0] = -9;
      truth.centre();
      const Identification found = identify_slalom(tokens, answers_of(truth), {});
      CAPTURE(tokens);
      CAPTURE(seed);
      CHECK(worst_error(found, truth) < 1e-9);
      CHECK(found.violations == 0);
      CHECK(found.asked.texts() <= 4 * tokens);
    }
}

TEST_CASE("an answer within rounding of a value leads to texts of several copies") {
  const SlalomModel truth{{1, -1}, {-8, 8}, {}};  // F([0, 1]) = −1 + 2e-7: an error of 1e-9 in the log ratio
  const Identification found = identify_slalom(2, answers_of(truth), {});
  CHECK(found.asked.texts() > 3);
  CHECK(worst_error(found, truth) < 1e-9);
}

TEST_CASE("questions that tell nothing new are not asked again") {
  // With one copy of each token there is nothing but the pair, whose answer is not any better a second time.
  const SlalomModel truth{{1, -1}, {-8, 8}, {}};
  const Identification found = identify_slalom(2, answers_of(truth), {.longest = 2});
  CHECK(found.asked.texts() == 2 + 1 + 1);
}

TEST_CASE("values that differ by rounding alone tell no importance") {
  const double next = std::nextafter(2.0, 3.0);
  const Identification found = identify_slalom(3, answers_of({{2, next, 2}, {0, 1, 5}, {}}), {});
  CHECK(found.asked.texts() == 3);
  CHECK(found.model.importance == std::vector<double>(3));
  REQUIRE(found.warnings.size() == 1);
}

TEST_CASE("tokens of the reference's value are told by a second reference") {
  SlalomModel truth{
      {3, 3, 3.0000001, -1, 0, 0.5, -0.5, -0.2, 0.3}, {0.5, -0.5, 1, -1, 0.2, -0.2, 2, 0, 0}, {}};
  truth.centre();
  const Identification found = identify_slalom(9, answers_of(truth), {});
  CHECK(found.reference < 3);
  CHECK(worst_error(found, truth) < 1e-9);
  CHECK(found.asked.texts() == 17);
}

TEST_CASE("2K + 1 answers identify a SLALOM with a background that can be asked") {
  for (const Index tokens : {1, 2, 3, 10, 100, 1000})
    for (std::uint64_t seed = 1; seed <= (tokens < 1000 ? 5 : 2); ++seed) {
      const SlalomModel truth = random_slalom(tokens, 1, true, seed);
      const Identification found =
          identify_slalom(tokens, answers_of(truth), {.background = true, .empty_text = true});
      CAPTURE(tokens);
      CAPTURE(seed);
      CHECK(worst_error(found, truth) < 1e-9);
      CHECK(found.asked.texts() >= 2 * tokens + 1);
      CHECK(found.asked.texts() <= 2 * tokens + 1 + tokens / 5);
      CHECK(found.pairs == tokens);
      CHECK(found.violations == 0);
    }
}

TEST_CASE("3K − 1 answers identify a SLALOM whose background cannot be asked") {
  for (const Index tokens : {3, 10, 40})
    for (std::uint64_t seed = 1; seed <= 3; ++seed) {
      const SlalomModel truth = random_slalom(tokens, 0.7, true, seed);
      const Identification found = identify_slalom(tokens, answers_of(truth), {.background = true});
      CAPTURE(tokens);
      CAPTURE(seed);
      CHECK(found.asked.texts() == 3 * tokens - 1);
      CHECK(found.refined_mse < 1e-12);
      CHECK(found.refined_mse <= found.first_mse);
      check_finite(found);
    }
}

TEST_CASE("degenerate cases end with a warning") {
  const Identification one = identify_slalom(1, answers_of({{2}, {0}, {}}), {});
  CHECK(one.asked.texts() == 1);
  CHECK(one.model.value == std::vector<double>{2});
  CHECK(one.model.importance == std::vector<double>{0});
  CHECK(one.warnings.size() == 1);
  const Identification equal = identify_slalom(3, answers_of({{2, 2, 2}, {0, 1, 5}, {}}), {});
  CHECK(equal.asked.texts() == 3);
  CHECK(equal.model.importance == std::vector<double>(3));
  CHECK(equal.warnings.size() == 1);
}

TEST_CASE("a token of the background's value is told by its pair, and nothing by tokens that all have it") {
  SlalomModel truth{{2, 0.5, -1}, {0.3, 0.7, -0.3}, Background{0.5, 0.1}};
  truth.centre();
  const Identification found =
      identify_slalom(3, answers_of(truth), {.background = true, .empty_text = true});
  CHECK(worst_error(found, truth) < 1e-12);
  const Identification dull = identify_slalom(3, answers_of({{2, 2, 2}, {0, 1, -1}, Background{2, 0}}),
                                              {.background = true, .empty_text = true});
  CHECK(dull.asked.texts() == 4);
  CHECK(dull.model.value == std::vector<double>(3, 2));
  CHECK(dull.model.importance == std::vector<double>(3));
  REQUIRE(dull.warnings.size() == 1);
}

TEST_CASE("a background that no text notices leaves the importances to the pairs") {
  for (const Index tokens : {2, 10, 100}) {
    const SlalomModel truth = random_slalom(tokens, 2, false, 7);
    const auto answers = [&](const std::vector<Tokens>& texts) {
      std::vector<double> found;
      for (const Tokens& text : texts) found.push_back(text.empty() ? 0.2 : truth.predict(text));
      return found;
    };
    const Identification found = identify_slalom(tokens, answers, {.background = true, .empty_text = true});
    CHECK(worst_difference(found.model.value, truth.value) < 1e-9);
    CHECK(worst_difference(found.model.importance, truth.importance) < 1e-9);
    CHECK(found.model.background->importance == -2 * kImportanceBound);
    REQUIRE(found.warnings.size() == 1);
  }
}

TEST_CASE("answers outside the values are counted, and the importance goes to the side they point to") {
  const auto answers = [](const std::vector<Tokens>& texts) {
    std::vector<double> found;
    const std::vector<double> value = {-2, 1, 2, 1.5};
    for (const Tokens& text : texts) {
      if (text.size() == 1) found.push_back(value[text[0]]);
      if (text.size() > 1) found.push_back(text[0] == 1 ? 5.0 : text[0] == 2 ? -3.0 : 0.0);
    }
    return found;
  };
  const Identification found = identify_slalom(4, answers, {});
  CHECK(found.reference == 0);
  CHECK(found.pairs == 3);
  CHECK(found.violations == 2);
  CHECK(found.model.importance[1] > found.model.importance[0] + 10);  // F = 5 lies beyond v_1 = 1
  CHECK(found.model.importance[2] < found.model.importance[0] - 10);  // F = −3 lies beyond v_0 = −2
  REQUIRE(found.warnings.size() == 1);
  CHECK(found.warnings[0].find("2 of 3 pairs (66 %)") != std::string::npos);
  check_finite(found);
}

TEST_CASE("answers that no background explains stay bounded") {
  // v_0 = 0; the reference is token 2: d_1 = 3, d_2 = 4: a = (6 − 4) / 2 = 1, v = 3 · 2 = 6.
  const auto answers = [](const std::vector<Tokens>& texts) {
    std::vector<double> found;
    const std::vector<double> alone = {1, -1, 3, 0.5}, with_reference = {0.5, 5.9, 4, 3.25};
    for (const Tokens& text : texts)
      found.push_back(text.empty() ? 0 : text.size() == 1 ? alone[text[0]] : with_reference[text[0]]);
    return found;
  };
  // Token 0: F = .5 lies beyond F([0]) = 1: all the weight. Token 1: (6 − 5.9) / (5.9 + 1) < 1: less weight
  // than the background alone. Token 3: (6 − 3.25) / (3.25 − .5) = 1 = 1 + a: no weight at all.
  const Identification found = identify_slalom(4, answers, {.background = true, .empty_text = true});
  CHECK(found.reference == 2);
  CHECK(found.violations == 3);
  CHECK(relative_error(found.model.value[2], 6) < 1e-9);
  CHECK(std::abs(found.model.value[0] - 1) < 1e-6);
  CHECK(found.model.importance[0] > found.model.importance[2] + 10);
  for (const Sample::Token k : {0, 1, 2, 3})
    CHECK(relative_error(found.model.predict(Tokens{k}), std::vector<double>{1, -1, 3, 0.5}[k]) < 1e-9);
  for (const double v : found.model.value)
    CHECK(std::abs(v) <= 4 * 3 + 1e-9);  // four times the largest |F − v_0|
  check_finite(found);
}

TEST_CASE("any answers end in finite numbers") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed)
    for (const auto& [background, empty_text] : {std::pair{false, false}, {true, true}, {true, false}}) {
      Rng rng(seed, Purpose::test);
      const auto answers = [&](const std::vector<Tokens>& texts) {
        std::vector<double> found;
        for (std::size_t i = 0; i < texts.size(); ++i)
          found.push_back(seed % 4 == 0 ? static_cast<double>(rng.below(3)) : 1e3 * rng.normal());
        return found;
      };
      check_finite(identify_slalom(6, answers,
                                   {.background = background,
                                    .empty_text = empty_text,
                                    .extra_pairs = static_cast<Index>(seed % 3) * 10}));
    }
}

TEST_CASE("further pairs are ordered, new and different, and the refinement is never worse") {
  const SlalomModel truth = random_slalom(6, 1, false, 3);
  Rng rng(9, Purpose::test);
  const auto noisy = [&](const std::vector<Tokens>& texts) {
    std::vector<double> found;
    for (const Tokens& text : texts) found.push_back(truth.predict(text) + 0.1 * rng.normal());
    return found;
  };
  const Identification some = identify_slalom(6, noisy, {.extra_pairs = 12, .seed = 4});
  std::set<Tokens> pairs;
  for (Index i = 0; i < some.asked.texts(); ++i) {
    const Tokens text(some.asked.text(i).begin(), some.asked.text(i).end());
    if (text.size() == 2) {
      CHECK(text[0] != text[1]);
      CHECK(pairs.insert(text).second);
    }
  }
  CHECK(some.asked.texts() == 11 + 12);
  CHECK(some.refined_mse < some.first_mse);
  // All 30 ordered pairs of 6 tokens, however many were asked for.
  const Identification all = identify_slalom(6, noisy, {.extra_pairs = 1000});
  CHECK(all.asked.texts() == 6 + 30);
}

TEST_CASE("the choice of further pairs is a function of the seed") {
  const SlalomModel truth = random_slalom(8, 1, false, 3);
  const auto asked = [&](std::uint64_t seed) {
    return identify_slalom(8, answers_of(truth), {.extra_pairs = 20, .seed = seed}).asked.token;
  };
  CHECK(asked(1) == asked(1));
  CHECK(asked(1) != asked(2));
}

TEST_CASE("bad input to the identification is refused") {
  const Answers answers = answers_of(random_slalom(3, 1, false, 1));
  CHECK_THROWS_AS(identify_slalom(0, answers, {}), Error);
  CHECK_THROWS_AS(identify_slalom(3, answers, {.extra_pairs = -1}), Error);
  CHECK_THROWS_AS(identify_slalom(3001, answers, {.extra_pairs = 1}), Error);
  CHECK_THROWS_AS(identify_slalom(2, [](const auto&) { return std::vector<double>(1); }, {}), Error);
  const auto infinite = [](const std::vector<Tokens>& texts) {
    return std::vector<double>(texts.size(), std::numeric_limits<double>::infinity());
  };
  CHECK_THROWS_AS(identify_slalom(2, infinite, {}), Error);
}

TEST_CASE("identification: no text is longer than can be asked, however unequal the importances") {
  SlalomModel model{{1.5, -2, 0.25, 3}, {9, -7, 0, 2}, Background{0.3, 0.5}};
  model.centre();
  for (const Index longest : {2, 3, 7, 40})
    for (const bool background : {false, true}) {
      if (!background) model.background.reset();
      std::size_t most = 0;
      const Answers answers = [&](const std::vector<std::vector<Sample::Token>>& asked) {
        std::vector<double> found;
        for (const std::vector<Sample::Token>& tokens : asked) {
          most = std::max(most, tokens.size());
          found.push_back(tokens.empty() ? 0.3 : model.predict(tokens));
        }
        return found;
      };
      const Identification found = identify_slalom(
          4, answers, {.background = background && model.background, .empty_text = true, .longest = longest});
      CHECK(most <= static_cast<std::size_t>(longest));
      for (const double s : found.model.importance) CHECK(std::isfinite(s));
    }
}
