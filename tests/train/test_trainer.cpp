#include "slalom/train/trainer.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "../support/allocations.hpp"
#include "../support/compare.hpp"
#include "../support/small_models.hpp"
#include "../support/temporary_folder.hpp"
#include "slalom/base/random.hpp"
#include "slalom/nn/fully_connected.hpp"
#include "slalom/ops/cross_entropy.hpp"

using namespace slalom;
using test::relative_error;

namespace {

constexpr OptimizerKind kTrainers[] = {OptimizerKind::rmsprop, OptimizerKind::adamw};

TrainingConfig training_config(OptimizerKind kind, double rate) {
  TrainingConfig config;
  config.optimizer = OptimizerConfig::defaults(kind);
  config.optimizer.schedule.peak = rate;
  config.seed = 11;
  return config;
}

ClassifierConfig tiny_config(Architecture architecture, Index vocabulary, double dropout) {
  ClassifierConfig config = default_config(architecture, 2, 16, 2, vocabulary);
  config.max_positions = 40;
  config.set_dropout(dropout);
  return config;
}

template <class T>
std::unique_ptr<Classifier<T>> tiny_model(Architecture architecture, double dropout) {
  const Index vocabulary = BagOfWordsSource(0).vocabulary().size();
  auto model = std::make_unique<Classifier<T>>(tiny_config(architecture, vocabulary, dropout));
  model->initialise(1);
  return model;
}

template <class T>
std::unique_ptr<FullyConnected<T>> tiny_network(float deviation = 0.5f) {
  return std::make_unique<FullyConnected<T>>(
      FullyConnectedConfig{.width = 8, .hidden = 16, .vocabulary = 16, .embedding_deviation = deviation}, 1);
}

/// Bags of words, wrapped in special tokens.
struct Bags {
  BagOfWordsSource source;
  FreshTexts texts;
  explicit Bags(Index texts_per_epoch, LengthDistribution law = LengthDistribution::binomial)
      : source(2, law), texts(source, usual_special_tokens(source.vocabulary()), texts_per_epoch) {}
};

/// Steps until one throws; what it said.
template <class T>
std::string stop_of(TextClassifier<T>& model) {
  Bags bags(100);
  Trainer<T> trainer(model, bags.texts, training_config(OptimizerKind::rmsprop, 1e-4));
  try {
    trainer.step();
  } catch (const Error& error) {
    CHECK(error.hint() == "try a lower --lr, or --clip 1");
    return error.what();
  }
  return {};
}

template <class T>
void check_no_allocation(TextClassifier<T>& model, OptimizerKind kind) {
  Bags bags(1000, LengthDistribution::fixed);
  Trainer<T> trainer(model, bags.texts, training_config(kind, 1e-4));
  trainer.step();
  trainer.step();
  const std::size_t calls = test::allocations();
  const int blocks = trainer.tape().blocks_mapped();
  for (int k = 0; k < 3; ++k) trainer.step();
  CHECK(test::allocations() == calls);
  CHECK(trainer.tape().blocks_mapped() == blocks);
  CHECK(blocks > 0);
}

/// values ← values − rate · gradients, of row-sparse parameters in touched rows.
void descend(ParameterStore<double>& store, double rate) {
  for (int i = 0; i < store.count(); ++i) {
    const Tensor<double> value = store.value({i}), gradient = store.gradient({i});
    std::vector<bool> moves(static_cast<std::size_t>(value.rows()), store.kind({i}) == GradientKind::dense);
    if (store.kind({i}) == GradientKind::row_sparse)
      for (const Index r : store.touched_rows({i})) moves[static_cast<std::size_t>(r)] = true;
    for (Index r = 0; r < value.rows(); ++r)
      for (Index c = 0; moves[static_cast<std::size_t>(r)] && c < value.columns(); ++c)
        value.row(r)[c] -= rate * gradient.row(r)[c];
  }
}

/// A training step written out.
double step_by_hand(TextClassifier<double>& model, const PackedBatch& batch, std::uint64_t dropout_key,
                    double rate) {
  Tape<double> tape;
  model.parameters().clear_gradients();
  const Var logits = model.forward(tape, batch, {.dropout_key = &dropout_key});
  const Var loss = cross_entropy(tape, logits, std::span<const int>(batch.labels));
  tape.backward(loss);
  model.parameters().finish_gradients();
  descend(model.parameters(), rate);
  return tape.value(loss).data[0];
}

std::vector<double> all_values(const ParameterStore<double>& store) {
  std::vector<double> values;
  for (int i = 0; i < store.count(); ++i) {
    const std::span<double> v = store.value({i}).span();
    values.insert(values.end(), v.begin(), v.end());
  }
  return values;
}

}  // namespace

TEST_CASE("Trainer: a step allocates nothing and maps no memory once warmed up") {
  for (const OptimizerKind kind : kTrainers) {
    for (const Architecture architecture : test::kArchitectures) {
      CAPTURE(name(architecture));
      check_no_allocation(*tiny_model<float>(architecture, 0.1), kind);
    }
    check_no_allocation(*tiny_network<float>(), kind);
  }
}

TEST_CASE("Trainer: five steps of SGD are forward, backward and x - rate g, written out") {
  const double rate = 0.3;
  for (const Architecture architecture : test::kArchitectures) {
    CAPTURE(name(architecture));
    const auto trained = tiny_model<double>(architecture, 0.2),
               by_hand = tiny_model<double>(architecture, 0.2);
    const std::vector<double> start = all_values(trained->parameters());
    Bags bags(7);
    TrainingConfig config = training_config(OptimizerKind::sgd, rate);
    config.batch = 3;  // three steps an epoch, the last of one text
    Trainer<double> trainer(*trained, bags.texts, config);
    CHECK(trainer.total_steps() == 15);
    PackedBatch batch;
    for (Index k = 0; k < 5; ++k) {
      bags.texts.fill(k / 3, k % 3 * 3, k % 3 == 2 ? 1 : 3, batch);
      const std::uint64_t key = stream_key(11, Purpose::dropout, static_cast<std::uint64_t>(k));
      const double loss = step_by_hand(*by_hand, batch, key, rate);
      trainer.step();
      CHECK(relative_error(trainer.last_loss(), loss) < 1e-12);
    }
    CHECK(trainer.steps_done() == 5);
    CHECK(relative_error(all_values(trained->parameters()), all_values(by_hand->parameters())) < 1e-12);
    CHECK(relative_error(start, all_values(by_hand->parameters())) > 1e-3);
  }
}

TEST_CASE("Trainer: signature of a small float64 run") {
  // One number for all that training is made of: data, initial values, dropout, model, loss, optimiser.
  // It changes only on purpose, in the commit that says why.
  const auto model = tiny_model<double>(Architecture::distilbert, 0.1);
  Bags bags(100);
  Trainer<double> trainer(*model, bags.texts, training_config(OptimizerKind::adamw, 1e-3));
  for (int k = 0; k < 20; ++k) trainer.step();
  CHECK(relative_error(trainer.last_loss(), 0.68417665390609861) < 1e-9);
}

TEST_CASE("Trainer: the loss falls on bags of words") {
  const auto model = tiny_model<float>(Architecture::distilbert, 0);
  Bags bags(2000);
  TrainingConfig config = training_config(OptimizerKind::adamw, 5e-3);
  config.epochs = 3;
  Trainer<float> trainer(*model, bags.texts, config);
  std::vector<EpochReport> reports;
  trainer.run([&](const EpochReport& report) { reports.push_back(report); });
  REQUIRE(reports.size() == 3);
  CHECK(reports[0].loss > reports[2].loss);
  CHECK(reports[2].loss < std::log(2) - 0.1);
  CHECK(reports[2].accuracy > 0.65);
}

TEST_CASE("Trainer: reports are means over the texts of an epoch") {
  const auto model = tiny_model<double>(Architecture::bert, 0.1);
  Bags bags(7);
  TrainingConfig config = training_config(OptimizerKind::rmsprop, 1e-3);
  config.batch = 3;
  config.epochs = 2;
  std::vector<EpochReport> reports;
  Trainer<double>(*model, bags.texts, config).run([&](const EpochReport& r) { reports.push_back(r); });
  REQUIRE(reports.size() == 2);

  const auto again = tiny_model<double>(Architecture::bert, 0.1);
  Trainer<double> trainer(*again, bags.texts, config);
  for (const EpochReport& report : reports) {
    double sum = 0;
    for (const int texts : {3, 3, 1}) {
      trainer.step();
      sum += texts * trainer.last_loss();
    }
    CHECK(report.steps == trainer.steps_done());
    CHECK(relative_error(report.loss, sum / 7) < 1e-12);
    const double correct = report.accuracy * 7;
    CHECK(std::abs(correct - std::round(correct)) < 1e-12);
  }
  CHECK(reports[0].epoch == 1);
  CHECK(reports[1].epoch == 2);
}

TEST_CASE("Trainer: a run that ended after an epoch goes on, and counts the next epoch's tokens alone") {
  const test::TemporaryFolder folder;
  Bags bags(30);
  TrainingConfig config = training_config(OptimizerKind::adamw, 1e-3);
  config.batch = 10;
  config.epochs = 2;
  const auto whole = tiny_model<double>(Architecture::gpt2, 0.1);
  std::vector<EpochReport> wanted;
  Trainer<double>(*whole, bags.texts, config).run([&](const EpochReport& r) { wanted.push_back(r); });

  config.checkpoint = folder.file("checkpoint");
  config.checkpoint_every = 3;
  const auto first = tiny_model<double>(Architecture::gpt2, 0.1);
  Trainer<double> stopped(*first, bags.texts, config);
  CHECK_THROWS_AS(stopped.run([](const EpochReport&) { throw Error("stop"); }), Error);

  config.resume = true;
  const auto second = tiny_model<double>(Architecture::gpt2, 0.1);
  Trainer<double> resumed(*second, bags.texts, config);
  CHECK(resumed.steps_done() == 3);
  EpochReport last;
  resumed.run([&](const EpochReport& r) { last = r; });
  CHECK(all_values(second->parameters()) == all_values(whole->parameters()));
  CHECK(last.epoch == 2);
  CHECK(last.loss == wanted[1].loss);
  PackedBatch batch;
  bags.texts.fill(1, 0, 30, batch);
  CHECK(relative_error(last.tokens_per_second * last.seconds, static_cast<double>(batch.rows())) < 1e-9);
}

TEST_CASE("Trainer: NaN in a parameter stops the step and is named") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (const Architecture architecture : test::kGoldenArchitectures) {
    CAPTURE(name(architecture));
    const auto model = tiny_model<float>(architecture, 0.1);
    ParameterStore<float>& store = model->parameters();
    store.value(store.find("blocks.1.mlp.out.bias")).data[3] = nan;
    CHECK(stop_of(*model) ==
          "[train] step 1: the loss is NaN or Inf; the first such activation is "
          "blocks.1.mlp.out.bias (parameter)");
  }
  const auto network = tiny_network<float>();
  network->parameters().value(network->parameters().find("hidden.bias")).data[0] = nan;
  CHECK(stop_of(*network) ==
        "[train] step 1: the loss is NaN or Inf; the first such activation is hidden.bias (parameter)");
}

TEST_CASE("Trainer: infinity that arises in a product is found where it arises") {
  const auto model = tiny_model<float>(Architecture::distilbert, 0);
  ParameterStore<float>& store = model->parameters();
  std::ranges::fill(store.value(store.find("blocks.0.mlp.in.weight")).span(), 3e38f);
  std::ranges::fill(store.value(store.find("blocks.0.norm1.bias")).span(), 1.f);
  const std::string found = stop_of(*model);
  CHECK(found.find("the first such activation is blocks.0.mlp.p") != std::string::npos);
}

TEST_CASE("Trainer: a gradient that overflows stops the step, though the loss is finite") {
  // Embeddings of 1e20; h = ReLU(0 x + 1) = 1; logits Σ ±1e20 = 0. So the loss is ln 2, and the gradient of
  // the hidden weights is of size 1e20 · 1e20.
  const auto network = tiny_network<float>(1e20f);
  ParameterStore<float>& store = network->parameters();
  std::ranges::fill(store.value(store.find("hidden.weight")).span(), 0.f);
  std::ranges::fill(store.value(store.find("hidden.bias")).span(), 1.f);
  std::ranges::fill(store.value(store.find("out.bias")).span(), 0.f);
  const Tensor<float> out = store.value(store.find("out.weight"));
  for (Index r = 0; r < out.rows(); ++r)
    for (Index c = 0; c < out.columns(); ++c) out.row(r)[c] = (r + c) % 2 == 0 ? 1e20f : -1e20f;
  CHECK(stop_of(*network) ==
        "[train] step 1: the gradient is NaN or Inf; the first such activation is hidden.weight (parameter)");
}

TEST_CASE("Trainer: the activation whose gradient overflows is named") {
  // The block's output is 1 everywhere, the hidden layer ReLU(Σ ±1e20 + 1) = 1, the logits Σ ±1e30 = 0; on
  // the way back 1e30 · 1e20 arrives at the block's output.
  const auto model = tiny_model<float>(Architecture::distilbert, 0);
  ParameterStore<float>& store = model->parameters();
  const auto set = [&](const char* parameter, auto value_at) {
    const Tensor<float> v = store.value(store.find(parameter));
    for (Index r = 0; r < v.rows(); ++r)
      for (Index c = 0; c < v.columns(); ++c) v.row(r)[c] = value_at(r, c);
  };
  const auto sign = [](Index i) { return i % 2 == 0 ? 1.f : -1.f; };
  set("blocks.1.norm2.weight", [](Index, Index) { return 0.f; });
  set("blocks.1.norm2.bias", [](Index, Index) { return 1.f; });
  set("head.hidden.weight", [&](Index r, Index c) { return 1e20f * sign(r) * sign(c); });
  set("head.hidden.bias", [](Index, Index) { return 1.f; });
  set("head.out.weight", [&](Index r, Index c) { return 1e30f * sign(r) * sign(c); });
  CHECK(stop_of(*model) ==
        "[train] step 1: the gradient is NaN or Inf; the first such activation is "
        "blocks.1.resid_post (layer_norm)");
}

TEST_CASE("Trainer: settings that make no sense") {
  Bags bags(10);
  const auto network = tiny_network<float>();
  const auto make = [&](Index batch, Index epochs, Index every) {
    TrainingConfig config = training_config(OptimizerKind::rmsprop, 1e-3);
    config.batch = batch;
    config.epochs = epochs;
    config.checkpoint_every = every;
    Trainer<float> trainer(*network, bags.texts, config);
  };
  CHECK_NOTHROW(make(1, 1, 0));
  CHECK_THROWS_AS(make(0, 1, 0), UsageError);
  CHECK_THROWS_AS(make(1, 0, 0), UsageError);
  CHECK_THROWS_AS(make(1, 1, -1), UsageError);
}
