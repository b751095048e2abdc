#include "slalom/bow/tfidf_network.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <map>

#include "../support/allocations.hpp"
#include "../support/central_differences.hpp"
#include "../support/compare.hpp"
#include "slalom/base/parallel.hpp"
#include "slalom/explain/black_box.hpp"
#include "slalom/ops/cross_entropy.hpp"
#include "slalom/train/trainer.hpp"
#include "small_corpus.hpp"

using namespace slalom;
using test::all_but_zero;
using test::central_differences;
using test::relative_error;
using test::Text;

namespace {

constexpr Index kVocabulary = 5, kHidden = 3;

LabelledCounts three_counts() {
  return count_labelled_texts(test::three_reviews(), all_but_zero(kVocabulary));
}

/// Larger weights than the initial ones, so that the ReLU passes some values and stops others.
template <class T>
void spread(ParameterStore<T>& store) {
  Rng rng(4, Purpose::test);
  for (int i = 0; i < store.count(); ++i)
    for (T& x : store.value({i}).span()) x = static_cast<T>(static_cast<float>(rng.normal()));
}

/// x of a text by its definition; ids that are not known are left out.
std::map<TokenId, double> vector_by_hand(const TfidfNetwork<double>& network, std::span<const TokenId> text) {
  std::map<TokenId, double> x;
  double length = 0, square = 0;
  for (const TokenId id : text)
    if (network.idf(id) > 0) {
      ++x[id];
      ++length;
    }
  for (auto& [id, value] : x) {
    value = value / length * network.idf(id);
    square += value * value;
  }
  for (auto& [id, value] : x) value /= std::sqrt(square);
  return x;
}

/// Log-odds of label 1: the difference of the logits.
double log_odds_by_hand(TfidfNetwork<double>& network, std::span<const TokenId> text) {
  const ParameterStore<double>& store = network.parameters();
  const auto value = [&](const char* name) { return store.value(store.find(name)); };
  const Tensor<double> out = value("out.weight");
  double sum = value("out.bias").data[1] - value("out.bias").data[0];
  for (Index h = 0; h < kHidden; ++h) {
    double u = value("hidden.bias").data[h];
    for (const auto& [id, x] : vector_by_hand(network, text)) u += x * value("hidden.weight").row(id)[h];
    sum += (out.row(1)[h] - out.row(0)[h]) * std::max(u, 0.0);
  }
  return sum;
}

/// Texts that may be empty.
struct Packed {
  Text ids;
  std::vector<Index> begin = {0};
  explicit Packed(const std::vector<Text>& texts) {
    for (const Text& text : texts) {
      ids.insert(ids.end(), text.begin(), text.end());
      begin.push_back(std::ssize(ids));
    }
  }
  PackedTexts texts() const { return {ids, begin, {}}; }
};

template <class T>
std::vector<double> log_odds_of(TfidfNetwork<T>& network, const std::vector<Text>& texts) {
  const Packed packed(texts);
  Tape<T> tape(Recording::off);
  const Tensor<T> logits = tape.value(network.forward(tape, packed.texts(), {}));
  std::vector<double> odds;
  for (Index b = 0; b < logits.rows(); ++b)
    odds.push_back(static_cast<double>(logits.row(b)[1]) - static_cast<double>(logits.row(b)[0]));
  return odds;
}

/// Label 1 for one of tokens 1 and 2, 0 for none or both; 3 and 4 say nothing.
std::vector<InputRow> exclusive_or(Index count) {
  std::vector<InputRow> rows;
  for (Index i = 0; i < count; ++i) {
    Rng rng(7, Purpose::test, static_cast<std::uint64_t>(i));
    const bool a = rng.below(2) == 1, b = rng.below(2) == 1;
    InputRow row;
    row.ids = {0, 3, static_cast<TokenId>(3 + rng.below(2))};
    if (a) row.ids.push_back(1);
    if (b) row.ids.push_back(2);
    row.label = a != b;
    rows.push_back(row);
  }
  return rows;
}

LabelledCounts counts_of(const std::vector<InputRow>& rows) {
  PackedBatch batch;
  for (const InputRow& row : rows) batch.add(row.ids, *row.label);
  return count_labelled_texts(batch, all_but_zero(kVocabulary));
}

TrainingConfig adam(double rate, Index epochs) {
  TrainingConfig config;
  config.optimizer = OptimizerConfig::defaults(OptimizerKind::adamw);
  config.optimizer.schedule.peak = rate;
  config.epochs = epochs;
  return config;
}

std::vector<float> values_after_training(const std::vector<InputRow>& rows, int thread_count) {
  const int before = threads();
  set_threads(thread_count);
  TfidfNetwork<float> network(counts_of(rows), 70, 1);
  ShuffledRows data(rows, "exclusive or", 0);
  Trainer<float>(network, data, adam(1e-2, 2)).run([](const EpochReport&) {});
  set_threads(before);
  std::vector<float> values;
  for (int i = 0; i < network.parameters().count(); ++i)
    for (const float x : network.parameters().value({i}).span()) values.push_back(x);
  return values;
}

}  // namespace

TEST_CASE("TF-IDF network: inverse document frequencies of three texts") {
  const TfidfNetwork<double> network(three_counts(), kHidden, 1);
  CHECK(relative_error(network.idf(1), std::log(4.0 / 3) + 1) < 1e-15);  // in two of three texts
  CHECK(relative_error(network.idf(2), std::log(4.0 / 3) + 1) < 1e-15);
  CHECK(network.idf(4) == 0);  // in none
  CHECK(network.idf(0) == 0);  // special
}

TEST_CASE("TF-IDF network: log-odds are those of plain loops, for every deletion") {
  TfidfNetwork<double> network(three_counts(), kHidden, 1);
  spread(network.parameters());
  const Text text = {0, 1, 2, 3, 2, 4, 2};
  std::vector<Text> texts = {text, {}, {0, 4}, {3}};
  for (std::size_t i = 0; i < text.size(); ++i) {
    texts.push_back(text);
    texts.back().erase(texts.back().begin() + static_cast<std::ptrdiff_t>(i));
  }
  std::vector<double> wanted;
  for (const Text& t : texts) wanted.push_back(log_odds_by_hand(network, t));
  CHECK(relative_error(log_odds_of(network, texts), wanted) < 1e-13);
  CHECK(relative_error(log_odds_of(network, {{}, {4}}), std::vector<double>(2, wanted[1])) < 1e-14);

  TfidfNetwork<float> in_float(three_counts(), kHidden, 1);
  spread(in_float.parameters());
  CHECK(relative_error(log_odds_of(in_float, texts), wanted) < 1e-5);
  PackedBatch batch;
  for (const Text& t : texts)
    if (!t.empty()) batch.add(t);
  ModelBlackBox<float> f(in_float, 1, 64);
  wanted.erase(wanted.begin() + 1);
  CHECK(relative_error(f.log_odds(batch), wanted) < 1e-5);
}

TEST_CASE("TF-IDF network: what a text without known tokens leaves is the biases") {
  TfidfNetwork<double> network(three_counts(), kHidden, 1);
  ParameterStore<double>& store = network.parameters();
  spread(store);
  double wanted = store.value(store.find("out.bias")).data[1] - store.value(store.find("out.bias")).data[0];
  const Tensor<double> out = store.value(store.find("out.weight")),
                       bias = store.value(store.find("hidden.bias"));
  for (Index h = 0; h < kHidden; ++h) wanted += (out.row(1)[h] - out.row(0)[h]) * std::max(bias.data[h], 0.0);
  CHECK(relative_error(log_odds_of(network, {{}, {0, 0}, {1}}).at(0), wanted) < 1e-14);
  CHECK(relative_error(log_odds_of(network, {{}}).at(0), wanted) < 1e-14);
}

TEST_CASE("TF-IDF network: neither order nor special tokens nor length change the log-odds") {
  TfidfNetwork<double> network(three_counts(), kHidden, 1);
  spread(network.parameters());
  const std::vector<double> odds =
      log_odds_of(network, {{1, 2, 3, 1}, {0, 1, 1, 3, 2, 0}, {1, 2, 3, 1, 1, 2, 3, 1}, {1, 2, 3}});
  CHECK(odds[1] == odds[0]);
  CHECK(relative_error(odds[2], odds[0]) < 1e-14);
  CHECK(std::abs(odds[3] - odds[0]) > 1e-3);
}

TEST_CASE("TF-IDF network: gradients of all parameters agree with finite differences") {
  TfidfNetwork<double> network(three_counts(), kHidden, 1);
  ParameterStore<double>& store = network.parameters();
  spread(store);
  const Packed packed({{0, 1, 1, 3}, {2, 3, 4}, {2}, {}});
  const std::vector<int> labels = {1, 0, 1, 0};
  const auto loss = [&](Tape<double>& tape) {
    return cross_entropy(tape, network.forward(tape, packed.texts(), {}), std::span<const int>(labels));
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
    const std::vector<double> wanted = central_differences(store.value({i}).span(), loss_value);
    std::vector<double> found(wanted.size());
    const Tensor<double> gradient = store.gradient({i});
    if (store.kind({i}) == GradientKind::dense) {
      found.assign(gradient.data, gradient.data + gradient.size());
    } else {
      CHECK(store.touched_rows({i}) == std::vector<Index>{1, 2, 3});
      for (const Index r : store.touched_rows({i}))
        std::copy_n(gradient.row(r), kHidden, found.begin() + r * kHidden);
    }
    CHECK(relative_error(found, wanted) < 1e-8);
  }
}

TEST_CASE("TF-IDF network: the rows that are read are the known tokens'") {
  const TfidfNetwork<float> network(three_counts(), kHidden, 1);
  const Packed packed({{0, 1, 4}, {2, 1}});
  std::vector<Index> rows = {9};
  const ParameterStore<float>& store = network.parameters();
  network.rows_read(packed.texts(), store.find("hidden.weight"), rows);
  CHECK(rows == std::vector<Index>{1, 2, 1});
  network.rows_read(packed.texts(), store.find("out.weight"), rows);
  CHECK(rows.empty());
}

TEST_CASE("TF-IDF network: training learns an exclusive or, which no weights of tokens express") {
  const std::vector<InputRow> rows = exclusive_or(400);
  TfidfNetwork<float> network(counts_of(rows), 16, 1);
  ShuffledRows data(rows, "exclusive or", 0);
  Trainer<float> trainer(network, data, adam(2e-2, 10));
  trainer.run([](const EpochReport&) {});
  CHECK(trainer.epoch_so_far().accuracy == 1);
  const std::vector<double> odds = log_odds_of(network, {{3}, {3, 1}, {3, 2}, {3, 1, 2}});
  CHECK(odds[0] < -1);
  CHECK(odds[1] > 1);
  CHECK(odds[2] > 1);
  CHECK(odds[3] < -1);
}

TEST_CASE("TF-IDF network: training gives the same bits on one thread and on two") {
  const std::vector<InputRow> rows = exclusive_or(100);
  const std::vector<float> values = values_after_training(rows, 1);
  CHECK(values == values_after_training(rows, 2));
  for (const float x : values) CHECK(std::isfinite(x));
}

TEST_CASE("TF-IDF network: a training step allocates nothing once warmed up") {
  const std::vector<InputRow> rows = exclusive_or(100);
  TfidfNetwork<float> network(counts_of(rows), 16, 1);
  ShuffledRows data(rows, "exclusive or", 0);
  Trainer<float> trainer(network, data, adam(1e-3, 5));
  for (int k = 0; k < 5; ++k) trainer.step();
  const std::size_t calls = test::allocations();
  for (int k = 0; k < 3; ++k) trainer.step();
  CHECK(test::allocations() == calls);
}

TEST_CASE("TF-IDF network: what is refused") {
  TfidfNetwork<float> network(three_counts(), kHidden, 1);
  CHECK_THROWS_WITH_AS(log_odds_of(network, {{1}, {5}}), "[tfidf] text 1 has id 5, the vocabulary has 5",
                       Error);
  CHECK_THROWS_WITH_AS(log_odds_of(network, {{-1}}), "[tfidf] text 0 has id -1, the vocabulary has 5", Error);
  CHECK_THROWS_AS(TfidfNetwork<float>(three_counts(), 0, 1), Error);
}
