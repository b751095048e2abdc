#include "slalom/surrogate/slalom.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <numeric>

#include "../support/compare.hpp"
#include "random_slalom.hpp"
#include "slalom/base/error.hpp"
#include "slalom/base/parallel.hpp"

using namespace slalom;
using test::random_slalom;
using test::relative_error;
using Tokens = std::vector<Sample::Token>;

namespace {

/// α of each token of the text and, last, of the background, by the definition.
std::vector<double> attention(const SlalomModel& model, const Tokens& text) {
  std::vector<double> alpha;
  for (const Sample::Token k : text) alpha.push_back(std::exp(model.importance[k]));
  if (model.background) alpha.push_back(std::exp(model.background->importance));
  const double total = std::accumulate(alpha.begin(), alpha.end(), 0.0);
  for (double& a : alpha) a /= total;
  return alpha;
}

}  // namespace

TEST_CASE("a SLALOM predicts the softmax-weighted mean of the values") {
  const SlalomModel model{{1, -2}, {0, std::log(3.0)}, {}};
  CHECK(relative_error(model.predict(Tokens{0, 1}), (1 - 6) / 4.0) < 1e-15);     // weights 1 and 3
  CHECK(relative_error(model.predict(Tokens{1, 0, 0}), (2 - 6) / 5.0) < 1e-15);  // weights 3, 1, 1
  const SlalomModel with{{1, -2}, {0, std::log(3.0)}, Background{5, std::log(2.0)}};
  CHECK(relative_error(with.predict(Tokens{0, 1}), (1 - 6 + 10) / 6.0) < 1e-15);
  CHECK(with.predict(Tokens{}) == 5);
}

TEST_CASE("predictions survive importances whose exponentials overflow") {
  const SlalomModel model{{1, -2}, {2000, 2000 + std::log(3.0)}, {}};
  CHECK(relative_error(model.predict(Tokens{0, 1}), -5.0 / 4) < 1e-12);
  const SlalomModel far{{1, -2}, {-3000, 0}, {}};
  CHECK(far.predict(Tokens{0}) == 1);
  CHECK(far.predict(Tokens{0, 1}) == -2);
}

TEST_CASE("one token alone is worth its value, and n of it act as one of importance s + log n") {
  for (const bool background : {false, true}) {
    SlalomModel model = random_slalom(5, 1, background, 1);
    if (!background)
      for (Index k = 0; k < 5; ++k)
        CHECK(relative_error(model.predict(Tokens(7, static_cast<Sample::Token>(k))), model.value[k]) <
              1e-14);
    const double repeated = model.predict(Tokens{0, 2, 2, 2, 1});
    model.importance[2] += std::log(3.0);
    CHECK(relative_error(model.predict(Tokens{0, 2, 1}), repeated) < 1e-14);
  }
}

TEST_CASE("equal importances give the mean of the values") {
  const SlalomModel model{{1, 2, 6}, {0.7, 0.7, 0.7}, {}};
  CHECK(relative_error(model.predict(Tokens{0, 1, 2}), 3) < 1e-15);
}

TEST_CASE("removing a token changes a SLALOM by α (F − v) / (1 − α)") {
  for (const bool background : {false, true}) {
    const SlalomModel model = random_slalom(6, 1.5, background, 2);
    const Tokens text = {0, 3, 3, 5, 1, 2, 4};
    const std::vector<double> alpha = attention(model, text);
    const double f = model.predict(text);
    for (std::size_t i = 0; i < text.size(); ++i) {
      Tokens shorter = text;
      shorter.erase(shorter.begin() + static_cast<std::ptrdiff_t>(i));
      const double change = alpha[i] * (f - model.value[text[i]]) / (1 - alpha[i]);
      CHECK(std::abs(model.predict(shorter) - f - change) < 1e-13);
    }
  }
}

TEST_CASE("the linearised score exp(s) v has the sign of a SLALOM") {
  Rng rng(3, Purpose::test);
  for (const bool background : {false, true}) {
    const SlalomModel model = random_slalom(8, 1.5, background, 3);
    for (int text = 0; text < 200; ++text) {
      Tokens tokens(1 + rng.below(6));
      for (auto& k : tokens) k = static_cast<Sample::Token>(rng.below(8));
      double score = background ? std::exp(model.background->importance) * model.background->value : 0;
      for (const auto k : tokens) score += std::exp(model.importance[k]) * model.value[k];
      CHECK((score > 0) == (model.predict(tokens) > 0));
    }
  }
}

TEST_CASE("a background of no weight is plain SLALOM, one of great weight an additive model") {
  SlalomModel model = random_slalom(4, 1, true, 4);
  const SlalomModel plain{model.value, model.importance, {}};
  model.background->importance = -60;
  CHECK(relative_error(model.predict(Tokens{0, 1, 3}), plain.predict(Tokens{0, 1, 3})) < 1e-15);
  // v = w e^{s_0 − s}: F = (v_0 + Σ w) / (1 + Σ e^{s − s_0})
  model.background = Background{0.5, 18};
  const std::vector<double> weight = {1, -2, 0.3, 0.1};
  for (std::size_t k = 0; k < 4; ++k) model.value[k] = weight[k] * std::exp(18 - model.importance[k]);
  CHECK(std::abs(model.predict(Tokens{0, 0, 1, 3}) - (0.5 + 1 + 1 - 2 + 0.1)) < 1e-6);
}

TEST_CASE("centring moves importances to mean 0 and changes no prediction") {
  SlalomModel model{{1, 2, 3}, {4, 5, 9}, Background{0, 7}};
  const double before = model.predict(Tokens{0, 2});
  model.centre();
  CHECK(relative_error(model.importance, std::vector<double>{-2, -1, 3}) < 1e-15);
  CHECK(model.background->importance == 1);
  CHECK(relative_error(model.predict(Tokens{0, 2}), before) < 1e-15);
}

TEST_CASE("bounded importances lie within their bound of the mean") {
  SlalomModel model{std::vector<double>(5), {100, 0, 0.5, -1, 0}, Background{0, 300}};
  model.bound_importances();
  CHECK(std::abs(std::accumulate(model.importance.begin(), model.importance.end(), 0.0)) < 1e-9);
  CHECK(std::abs(model.importance[0] - kImportanceBound) < 1e-9);
  CHECK(std::abs(model.importance[2] - model.importance[1] - 0.5) < 1e-9);  // the others keep their distances
  CHECK(model.background->importance == kImportanceBound);
  model.background->importance = -300;
  model.bound_importances();
  CHECK(model.background->importance == -2 * kImportanceBound);
  SlalomModel two{{0, 0}, {1e6, -1e6}, {}};
  two.bound_importances();
  CHECK(two.importance == std::vector<double>{kImportanceBound, -kImportanceBound});
}

TEST_CASE("predictions of a sample are those of its texts, on any number of threads") {
  const SlalomModel model = random_slalom(9, 1, true, 5);
  const Sample sample = test::random_sample(model, 2000, 12, 0, 5);
  const int threads_before = threads();
  std::vector<std::vector<double>> predicted;
  for (const int count : {1, 2}) {
    set_threads(count);
    predicted.push_back(predict(model, sample));
  }
  set_threads(threads_before);
  CHECK(predicted[0] == predicted[1]);
  CHECK(predicted[0] == sample.target);
}

TEST_CASE("texts that a SLALOM cannot predict are refused") {
  const SlalomModel model = random_slalom(3, 1, false, 6);
  CHECK_THROWS_AS(model.predict(Tokens{}), Error);
  CHECK_THROWS_AS(model.predict(Tokens{3}), Error);
  CHECK_THROWS_AS(model.predict(Tokens{-1}), Error);
  Sample sample;
  sample.tokens = 4;
  sample.add(Tokens{3}, 0);
  CHECK_THROWS_AS(predict(model, sample), Error);
  sample = {};
  sample.tokens = 3;
  sample.add(Tokens{}, 0);
  CHECK_THROWS_AS(predict(model, sample), Error);
}
