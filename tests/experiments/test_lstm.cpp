#include <doctest/doctest.h>

#include <cmath>

#include "../../experiments/support/lstm.hpp"
#include "../support/central_differences.hpp"
#include "../support/compare.hpp"
#include "slalom/nn/predictor.hpp"
#include "slalom/ops/cross_entropy.hpp"
#include "slalom/train/trainer.hpp"

using namespace slalom;
using experiment::Lstm;
using test::central_differences;
using test::relative_error;

namespace {

using Text = std::vector<TokenId>;
using Vector = std::vector<double>;

constexpr Index kVocabulary = 5, kWidth = 3;

/// Different lengths, two that are equal, the longest neither first nor last.
PackedBatch four_texts() {
  PackedBatch batch;
  batch.add(Text{1, 2}, 1);
  batch.add(Text{3, 0, 4, 1, 1, 2}, 0);
  batch.add(Text{2}, 0);
  batch.add(Text{2, 1}, 1);
  return batch;
}

/// Larger weights than the initial ones, so that gates open and close.
Lstm<double> spread_lstm() {
  Lstm<double> lstm(kVocabulary, kWidth, 1);
  for (int i = 0; i < lstm.parameters().count(); ++i)
    for (double& x : lstm.parameters().value({i}).span()) x *= 3;
  return lstm;
}

/// y ← y + W x.
void add_product(const Tensor<double>& w, const Vector& x, Vector& y) {
  for (Index i = 0; i < w.rows(); ++i)
    for (Index j = 0; j < w.columns(); ++j) y[i] += w.row(i)[j] * x[j];
}

/// The two logits of a text, token by token and number by number.
Vector logits_by_hand(Lstm<double>& lstm, std::span<const TokenId> text) {
  const ParameterStore<double>& store = lstm.parameters();
  const auto value = [&](const std::string& name) { return store.value(store.find(name)); };
  const auto sigma = [](double u) { return 1 / (1 + std::exp(-u)); };
  Vector h(kWidth, 0), c(kWidth, 0), mean(kWidth, 0);
  for (const TokenId id : text) {
    const double* word = value("words").row(id);
    const auto u = [&](const std::string& gate) {
      const std::span<double> bias = value(gate + ".b").span();
      Vector sum(bias.begin(), bias.end());
      add_product(value(gate + ".w"), Vector(word, word + kWidth), sum);
      add_product(value(gate + ".u"), h, sum);
      return sum;
    };
    const Vector in = u("input"), forget = u("forget"), out = u("output"), candidate = u("candidate");
    for (Index j = 0; j < kWidth; ++j) {
      c[j] = sigma(forget[j]) * c[j] + sigma(in[j]) * std::tanh(candidate[j]);
      h[j] = sigma(out[j]) * std::tanh(c[j]);
      mean[j] += h[j] / static_cast<double>(text.size());
    }
  }
  const std::span<double> bias = value("head.b").span();
  Vector logits(bias.begin(), bias.end());
  add_product(value("head.w"), mean, logits);
  return logits;
}

/// A word before another means 1, behind it 0; words in between say nothing.
std::vector<InputRow> orders_of_two(Index count) {
  std::vector<InputRow> rows;
  for (Index i = 0; i < count; ++i) {
    Rng rng(7, Purpose::test, static_cast<std::uint64_t>(i));
    const bool first = rng.below(2) == 1;
    InputRow row;
    row.ids = {first ? 1 : 2};
    row.ids.insert(row.ids.end(), rng.below(4), 3);
    row.ids.push_back(first ? 2 : 1);
    row.label = first;
    rows.push_back(row);
  }
  return rows;
}

}  // namespace

TEST_CASE("LSTM: the logits are those of plain loops, whatever texts are beside") {
  Lstm<double> lstm = spread_lstm();
  const PackedBatch texts = four_texts();
  Vector wanted, together, alone;
  Predictor<double>(lstm).logits(texts, together);
  for (Index b = 0; b < texts.texts(); ++b) {
    std::ranges::copy(logits_by_hand(lstm, texts.text(b)), std::back_inserter(wanted));
    Vector one;
    Predictor<double>(lstm).logits(packed(texts.text(b)), one);
    alone.insert(alone.end(), one.begin(), one.end());
  }
  CHECK(relative_error(together, wanted) < 1e-12);
  CHECK(relative_error(alone, wanted) < 1e-12);
  CHECK(std::abs(wanted[0] - wanted[6]) > 1e-3);  // the same two words in another order
}

TEST_CASE("LSTM: gradients of all parameters agree with finite differences") {
  Lstm<double> lstm = spread_lstm();
  ParameterStore<double>& store = lstm.parameters();
  const PackedBatch texts = four_texts();
  const auto loss = [&](Tape<double>& tape) {
    return cross_entropy(tape, lstm.forward(tape, texts, {}), std::span<const int>(texts.labels));
  };
  const auto loss_value = [&] {
    Tape<double> tape(Recording::off);
    return tape.value(loss(tape)).data[0];
  };
  Tape<double> tape;
  store.clear_gradients();
  tape.backward(loss(tape));
  store.finish_gradients();
  for (int i = 0; i < store.count(); ++i) {
    CAPTURE(store.name({i}));
    const Vector wanted = central_differences(store.value({i}).span(), loss_value);
    CHECK(relative_error(store.gradient({i}).span(), wanted) < 1e-7);
  }
}

TEST_CASE("LSTM: training learns the order of two words, which no bag of words tells apart") {
  Lstm<float> lstm(kVocabulary, 8, 1);
  ShuffledRows data(orders_of_two(200), "orders", 0);
  TrainingConfig config;
  config.optimizer = OptimizerConfig::defaults(OptimizerKind::adamw);
  config.optimizer.schedule.peak = 2e-2;
  config.epochs = 10;
  Trainer<float> trainer(lstm, data, config);
  trainer.run([](const EpochReport&) {});
  CHECK(trainer.epoch_so_far().accuracy == 1);
  PackedTexts texts;
  texts.add(Text{1, 3, 3, 3, 3, 2});  // longer than any that was trained on
  texts.add(Text{2, 3, 3, 3, 3, 1});
  std::vector<float> logits;
  Predictor<float>(lstm).logits(texts, logits);
  CHECK(log_odds<float>(std::span(logits).first(2), 1) > 1);
  CHECK(log_odds<float>(std::span(logits).last(2), 1) < -1);
}

TEST_CASE("LSTM: an id outside the vocabulary is refused") {
  Lstm<float> lstm(kVocabulary, kWidth, 1);
  CHECK_THROWS_AS(lstm.check(packed(Text{1, 5})), Error);
  CHECK_THROWS_AS(lstm.check(packed(Text{-1})), Error);
}
