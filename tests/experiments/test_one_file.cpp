#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <deque>
#include <functional>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "slalom/nn/classifier.hpp"
#include "slalom/ops/cross_entropy.hpp"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wunused-function"
namespace one {
#include "../../experiments/one_file/slalom_one.cpp"
}
#pragma GCC diagnostic pop

using namespace slalom;

namespace {

double difference(std::span<const double> got, std::span<const double> want) {
  REQUIRE(got.size() == want.size());
  double worst = 0;
  for (std::size_t i = 0; i < got.size(); ++i) worst = std::max(worst, std::abs(got[i] - want[i]));
  return worst;
}

}  // namespace

TEST_CASE("the one-file model has the library's loss, gradients and log-odds") {
  one::Model model(11, 8, 3);
  for (auto& [name, w] : model.p)
    for (double& x : w.x) x *= 5;  // attention that is not flat

  ClassifierConfig config = default_config(Architecture::distilbert, 1, 8, 1, 11);
  config.activation = Activation::relu;
  config.positions = Positions::none;
  config.set_dropout(0);
  Classifier<double> library(config);
  ParameterStore<double>& store = library.parameters();
  REQUIRE(store.count() == std::ssize(model.p));
  for (int i = 0; i < store.count(); ++i) {
    const std::vector<double>& x = model.p.at(store.name({i})).x;
    REQUIRE(store.value({i}).size() == std::ssize(x));
    std::ranges::copy(x, store.value({i}).data);
  }

  const std::vector<one::Text> texts = {{10, 0, 1, 0}, {10, 3}, {10, 9, 8, 8, 2, 0}};
  const std::vector<int> labels = {1, 0, 0};
  PackedTexts packed;
  for (const one::Text& text : texts) packed.add(std::vector<TokenId>(text.begin(), text.end()));
  Tape<double> tape;
  store.clear_gradients();
  const Var logits = library.forward(tape, packed, {});
  const Var loss = cross_entropy(tape, logits, std::span<const int>(labels));
  tape.backward(loss);
  store.finish_gradients();

  CHECK(std::abs(one::batch_loss(model, texts, labels) - tape.value(loss).data[0]) < 1e-12);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const double* y = tape.value(logits).row(static_cast<Index>(i));
    CHECK(std::abs(model.log_odds(texts[i]) - (y[1] - y[0])) < 1e-12);
  }
  for (int i = 0; i < store.count(); ++i) {
    CAPTURE(store.name({i}));
    CHECK(difference(model.p.at(store.name({i})).slope, store.gradient({i}).span()) < 1e-12);
  }
}

TEST_CASE("the one-file SLALOM finds the values and importances that made the answers") {
  const std::vector<double> value = {2, -1, 0.5}, importance = {0.4, 0, -0.4};
  std::vector<one::Text> texts;
  std::vector<double> F;
  for (int a = 0; a < 3; ++a)
    for (int b = 0; b < 3; ++b) {
      texts.push_back({a, b});
      const double u = std::exp(importance[a]), v = std::exp(importance[b]);
      F.push_back((u * value[a] + v * value[b]) / (u + v));
    }
  const one::Slalom found(texts, F, 3, 3000);
  CHECK(difference(found.value.x, value) < 1e-6);
  for (int k : {1, 2})  // importances are known up to a constant
    CHECK(std::abs(found.importance.x[k] - found.importance.x[0] - importance[k] + importance[0]) < 1e-6);
}
