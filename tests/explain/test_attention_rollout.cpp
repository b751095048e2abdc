#include <doctest/doctest.h>

#include <cmath>

#include "../support/compare.hpp"
#include "../support/small_models.hpp"
#include "explained.hpp"
#include "slalom/explain/explanation.hpp"
#include "slalom/inspect/inspect.hpp"

using namespace slalom;
using namespace slalom::test;

namespace {

const auto kSpecial = [](TokenId id) { return id <= 2; };

// Row `read_out` of the product over the layers, the last first, of ½ mean_h A_h + ½ I.
std::vector<double> dense_rollout(Classifier<double>& model, const std::vector<TokenId>& ids,
                                  std::size_t read_out) {
  const std::size_t S = ids.size();
  const double H = static_cast<double>(model.config().heads);
  std::vector<double> product(S * S);
  for (std::size_t i = 0; i < S; ++i) product[i * S + i] = 1;
  std::vector<std::vector<double>> layers(static_cast<std::size_t>(model.config().layers), product);
  for (std::vector<double>& layer : layers)
    for (double& x : layer) x /= 2;
  for (const AttentionPattern<double>& p : attention_patterns(model, ids))
    for (std::size_t i = 0; i < S * S; ++i)
      layers[static_cast<std::size_t>(p.layer)][i] += p.pattern.data[i] / (2 * H);
  for (const std::vector<double>& layer : layers) {
    std::vector<double> next(S * S);
    for (std::size_t i = 0; i < S; ++i)
      for (std::size_t j = 0; j < S; ++j)
        for (std::size_t k = 0; k < S; ++k) next[i * S + j] += layer[i * S + k] * product[k * S + j];
    product = next;
  }
  return {product.begin() + static_cast<Index>(read_out * S),
          product.begin() + static_cast<Index>((read_out + 1) * S)};
}

}  // namespace

TEST_CASE("attention rollout: a row of the dense product, in all architectures") {
  const std::vector<TokenId> ids = {1, 7, 21, 7, 33, 2};
  for (const Architecture a : kArchitectures)
    for (const Index layers : {1, 3}) {
      CAPTURE(std::string(name(a)));
      Classifier<double> model(small_config(a, layers));
      randomise(model, 5);
      ModelBlackBox<double> f(model, 0, 4096);
      const Explanation e = explain(method_named("attention-rollout"), f, {ids, kSpecial}, {});
      const std::vector<double> want = dense_rollout(model, ids, a == Architecture::gpt2 ? 5 : 0);
      CHECK(relative_error(weights_of(e), std::span(want).subspan(1, 4)) <= 1e-13);
      CHECK(std::abs(check_of(e, "special_tokens") - want.front() - want.back()) <= 1e-13);
      double sum = check_of(e, "special_tokens");
      for (const double x : weights_of(e)) sum += x;
      CHECK(std::abs(sum - 1) <= 1e-14);
      CHECK(e.cost.token_forwards == 12);
      CHECK(e.warnings.size() == 1);
    }
}

// Weights of 0 score every token alike: the last of four sees each with ¼, so ½ · ¼, and itself with ½ more.
// A second layer: ½ of that row, and ½ · ¼ of each row i, which gives (½ / i + ½ for i itself) to 1 … i.
//   token 1: ½ · .125 + ⅛ (1 + ¼ + ⅙ + ⅛) = .255208…, token 4: ½ · .625 + ⅛ · .625 = .390625.
TEST_CASE("attention rollout: heads without preference") {
  for (const Index layers : {1, 2}) {
    Classifier<double> model(small_config(Architecture::gpt2, layers));
    ModelBlackBox<double> f(model, 0, 4096);
    const Explanation e = explain(method_named("attention-rollout"), f, {{5, 6, 7, 8}, kSpecial}, {});
    if (layers == 1)
      CHECK(relative_error(weights_of(e), std::vector<double>{.125, .125, .125, .625}) <= 1e-15);
    else
      CHECK(std::abs(weights_of(e)[0] - (.0625 + (1 + 1 / 4. + 1 / 6. + 1 / 8.) / 8)) <= 1e-15);
    if (layers == 2) CHECK(std::abs(weights_of(e)[3] - .390625) <= 1e-15);
  }
}

TEST_CASE("attention rollout: weights that are no shares are refused by name") {
  ClassifierConfig config = small_config(Architecture::bert, 1);
  config.attention = AttentionKind::sigmoid;
  Classifier<double> model(config);
  ModelBlackBox<double> f(model, 0, 4096);
  CHECK_THROWS_WITH_AS(explain(method_named("attention-rollout"), f, {{5, 6, 7}, kSpecial}, {}),
                       doctest::Contains("attention sigmoid"), Error);
}
