#include "slalom/nn/fully_connected.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "../support/compare.hpp"
#include "../support/error_of.hpp"
#include "slalom/base/random.hpp"
#include "slalom/ops/cross_entropy.hpp"

using namespace slalom;
using test::relative_error;

namespace {

using Values = std::vector<double>;
using Text = std::vector<TokenId>;

constexpr std::uint64_t kSeed = 9;
const FullyConnectedConfig kConfig{.context = 4,
                                   .width = 3,
                                   .hidden = 5,
                                   .vocabulary = 10,
                                   .labels = 3,
                                   .padding = 6,
                                   .embedding_deviation = 2};

/// The frozen embeddings, drawn again: normal(0, deviation) row by row, rounded to float.
Values embedding(TokenId id) {
  Rng rng(kSeed, Purpose::embedding_table);
  Values row;
  for (Index i = 0; i < (id + 1) * kConfig.width; ++i) {
    const double x = static_cast<float>(kConfig.embedding_deviation * rng.normal());
    if (i >= id * kConfig.width) row.push_back(x);
  }
  return row;
}

Values affine(const ParameterStore<double>& store, const std::string& layer, const Values& x) {
  const Tensor<double> W = store.value(store.find(layer + ".weight")),
                       b = store.value(store.find(layer + ".bias"));
  Values y;
  for (Index r = 0; r < W.rows(); ++r) {
    y.push_back(b.data[r]);
    for (std::size_t c = 0; c < x.size(); ++c) y.back() += W.row(r)[c] * x[c];
  }
  return y;
}

/// logits = W₂ ReLU(W₁ [e(t_1) … e(t_context)] + b₁) + b₂ of one text.
Values logits_by_hand(const ParameterStore<double>& store, Text text) {
  text.resize(static_cast<std::size_t>(kConfig.context), kConfig.padding);
  Values x;
  for (const TokenId id : text)
    for (const double e : embedding(id)) x.push_back(e);
  Values h = affine(store, "hidden", x);
  for (double& u : h) u = std::max(u, 0.0);
  return affine(store, "out", h);
}

template <class T>
std::vector<T> logits_of(FullyConnected<T>& model, const std::vector<Text>& texts) {
  Text ids;
  std::vector<Index> begin = {0};
  for (const Text& text : texts) {
    ids.insert(ids.end(), text.begin(), text.end());
    begin.push_back(std::ssize(ids));
  }
  Tape<T> tape(Recording::off);
  const std::span<T> logits = tape.value(model.forward(tape, {ids, begin, {}}, {})).span();
  return {logits.begin(), logits.end()};
}

std::string error_of(const FullyConnectedConfig& config, const std::vector<Text>& texts) {
  FullyConnected<double> model(config, kSeed);
  return test::error_of([&] { logits_of(model, texts); });
}

std::string construction_error(const FullyConnectedConfig& config) {
  return test::error_of([&] { FullyConnected<double>(config, kSeed); });
}

}  // namespace

TEST_CASE("FullyConnected: logits are those of plain loops; short texts are filled up") {
  FullyConnected<double> model(kConfig, kSeed);
  const std::vector<Text> texts = {{1, 2, 3, 4}, {9}, {0, 0}, {9, 6, 6, 6}};
  Values wanted;
  for (const Text& text : texts)
    for (const double z : logits_by_hand(model.parameters(), text)) wanted.push_back(z);
  const Values found = logits_of(model, texts);
  CHECK(relative_error(found, wanted) < 1e-13);
  CHECK(relative_error(std::span(found).subspan(3, 3), std::span(found).subspan(9, 3)) < 1e-15);

  FullyConnected<float> in_float(kConfig, kSeed);
  CHECK(relative_error(logits_of(in_float, texts), wanted) < 1e-5);
}

TEST_CASE("FullyConnected: initial weights and biases are uniform in ±1/sqrt(inputs)") {
  const FullyConnected<double> model({.context = 8, .width = 8, .hidden = 200, .vocabulary = 5}, 1);
  const ParameterStore<double>& store = model.parameters();
  CHECK(store.count() == 4);
  CHECK(store.scalars() == 200 * 64 + 200 + 2 * 200 + 2);
  for (int i = 0; i < store.count(); ++i) {
    CAPTURE(store.name({i}));
    const bool hidden = store.name({i}).starts_with("hidden");
    const double bound = 1 / std::sqrt(hidden ? 64.0 : 200.0);
    const std::span<double> values = store.value({i}).span();
    double square = 0;
    for (const double x : values) {
      CHECK(std::abs(x) <= bound);
      square += x * x / static_cast<double>(values.size());
    }
    if (values.size() > 100) CHECK(relative_error(square, bound * bound / 3) < 0.2);
  }
}

TEST_CASE("FullyConnected: embeddings learn nothing, all else does") {
  FullyConnected<double> model(kConfig, kSeed);
  const Text ids = {1, 2, 3};
  const std::vector<Index> begin = {0, 2, 3};
  std::vector<Index> rows = {1, 2};
  model.rows_read({ids, begin, {}}, {0}, rows);
  CHECK(rows.empty());
  Tape<double> tape;
  ParameterStore<double>& store = model.parameters();
  store.clear_gradients();
  const int labels[] = {0, 2};
  tape.backward(cross_entropy(tape, model.forward(tape, {ids, begin, {}}, {}), std::span<const int>(labels)));
  store.finish_gradients();
  for (int i = 0; i < store.count(); ++i) {
    CHECK(store.kind({i}) == GradientKind::dense);
    double square = 0;
    for (const double g : store.gradient({i}).span()) square += g * g;
    CHECK(square > 0);
  }
}

TEST_CASE("FullyConnected: texts that it cannot read") {
  CHECK(error_of(kConfig, {{1}, {1, 2, 3, 4}}) == "no error");
  CHECK(error_of(kConfig, {{1}, {1, 2, 3, 4, 5}}) ==
        "[fully_connected] text 1 has 5 tokens, the context is 4");
  CHECK(error_of(kConfig, {{1}, {1, 10}}) == "[fully_connected] text 1 has id 10, the vocabulary has 10");
  CHECK(error_of(kConfig, {{-1}}) == "[fully_connected] text 0 has id -1, the vocabulary has 10");
  FullyConnectedConfig no_filler = kConfig;
  no_filler.padding = 10;
  CHECK(construction_error(no_filler) == "[fully_connected] the padding has id 10, the vocabulary has 10");
  FullyConnectedConfig empty = kConfig;
  empty.context = 0;
  CHECK(construction_error(empty) == "[parameters] hidden.weight has shape (5, 0), wanted positive extents");
}
