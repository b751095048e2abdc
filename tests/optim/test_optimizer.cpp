#include "slalom/optim/optimizer.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "../support/allocations.hpp"
#include "../support/compare.hpp"
#include "../support/dense_optimizer.hpp"
#include "slalom/base/error.hpp"
#include "slalom/base/parallel.hpp"
#include "slalom/base/random.hpp"

using namespace slalom;
using test::relative_error;

namespace {

OptimizerConfig make_config(OptimizerKind kind, double momentum, double weight_decay, Schedule schedule) {
  OptimizerConfig config;
  config.kind = kind;
  config.momentum = momentum;
  config.weight_decay = weight_decay;
  config.schedule = schedule;
  return config;
}

/// Every rule, each with and without what moves values by itself.
std::vector<OptimizerConfig> all_rules(Schedule schedule) {
  using enum OptimizerKind;
  return {make_config(sgd, 0, 0, schedule), make_config(sgd, 0.9, 0, schedule),
          make_config(rmsprop, 0, 0, schedule), make_config(adamw, 0, 0, schedule),
          make_config(adamw, 0, 0.1, schedule)};
}

/// One parameter of one number after each of two steps with gradients 2 and −1.
std::array<double, 2> two_steps(const OptimizerConfig& config, double start) {
  ParameterStore<double> store;
  const ParameterId id = store.add("w", {1});
  store.allocate();
  *store.value(id).data = start;
  Optimizer<double> optimizer(config, store);
  std::array<double, 2> values{};
  for (std::size_t k = 0; k < 2; ++k) {
    *store.gradient(id).data = k == 0 ? 2 : -1;
    CHECK(optimizer.step().finite);
    values[k] = *store.value(id).data;
  }
  return values;
}

/// A small model: dense parameters around a row-sparse table of 12 rows.
template <class T>
struct Model {
  static constexpr Index kRows = 12, kColumns = 5;
  ParameterStore<T> store;
  ParameterId front, table, back;
  std::vector<Index> all_rows;

  explicit Model(Index front_size = 7) {
    front = store.add("front", {front_size});
    table = store.add("table", {kRows, kColumns}, GradientKind::row_sparse);
    back = store.add("back", {3, 2});
    store.allocate();
    Rng rng(1, Purpose::test);
    for (const ParameterId id : {front, table, back})
      for (T& w : store.value(id).span()) w = static_cast<T>(rng.normal());
    for (Index row = 0; row < kRows; ++row) all_rows.push_back(row);
  }

  /// Values of all parameters, one after the other.
  std::vector<double> values() const {
    std::vector<double> out;
    for (const ParameterId id : {front, table, back})
      out.insert(out.end(), store.value(id).span().begin(), store.value(id).span().end());
    return out;
  }

  /// Random gradients of step t; rows come and go (row 11 never comes). Returns them densely.
  std::vector<double> fill_gradients(int t) {
    Rng rng(2, Purpose::test, static_cast<std::uint64_t>(t));
    std::vector<double> dense;
    store.clear_gradients();
    const auto draw = [&](T& g) {
      g = static_cast<T>(rng.normal());
      dense.push_back(static_cast<double>(g));
    };
    for (T& g : store.gradient(front).span()) draw(g);
    for (Index row = 0; row < kRows; ++row) {
      const bool touched = row < 11 && (row == 0 || t % (row + 1) == row / 2);
      if (!touched) dense.insert(dense.end(), kColumns, 0.0);
      if (touched)
        for (T *g = store.row_slot(table, row).data, *end = g + kColumns; g != end; ++g) draw(*g);
    }
    for (T& g : store.gradient(back).span()) draw(g);
    return dense;
  }
};

}  // namespace

TEST_CASE("optimizer: two steps by hand") {
  const Schedule tenth{0.1};
  SUBCASE("sgd") {
    // 1 − 0.1 · 2 = 0.8; 0.8 + 0.1 · 1 = 0.9
    const auto w = two_steps(make_config(OptimizerKind::sgd, 0, 0, tenth), 1);
    CHECK(relative_error(w, std::array{0.8, 0.9}) < 1e-15);
  }
  SUBCASE("sgd with momentum") {
    // b = 2, w = 0.8; b = 0.5 · 2 − 1 = 0, w = 0.8
    const auto w = two_steps(make_config(OptimizerKind::sgd, 0.5, 0, tenth), 1);
    CHECK(relative_error(w, std::array{0.8, 0.8}) < 1e-15);
  }
  SUBCASE("rmsprop") {
    // α = 0.75, ε = 0.5. v = 0.25 · 4 = 1, w = 1 − 0.1 · 2 / 1.5 = 1 − 2/15
    // v = 0.75 + 0.25 = 1, w = 1 − 2/15 + 0.1 · 1 / 1.5 = 1 − 1/15
    OptimizerConfig config = make_config(OptimizerKind::rmsprop, 0, 0, tenth);
    config.alpha = 0.75;
    config.eps = 0.5;
    CHECK(relative_error(two_steps(config, 1), std::array{1 - 2. / 15, 1 - 1. / 15}) < 1e-15);
  }
  SUBCASE("adamw") {
    // β₁ = 0.5, β₂ = 0.75, ε = 1, λ = 1: both decays are 1 − 0.1 · 1 = 0.9.
    // t = 1: m = 1, v = 1; m̂ = 1/0.5 = 2, v̂ = 1/0.25 = 4; w = 0.9 · 10 − 0.1 · 2 / (2 + 1) = 9 − 1/15
    // t = 2: m = 0.5 − 0.5 = 0, so w = 0.9 · (9 − 1/15)
    OptimizerConfig config = make_config(OptimizerKind::adamw, 0, 1, tenth);
    config.beta1 = 0.5;
    config.beta2 = 0.75;
    config.eps = 1;
    CHECK(relative_error(two_steps(config, 10), std::array{9 - 1. / 15, 0.9 * (9 - 1. / 15)}) < 1e-15);
  }
}

TEST_CASE("optimizer: rows that come and go end where the dense optimiser ends") {
  for (OptimizerConfig config : all_rules({0.05, 5, 60}))
    for (const double max_norm : {0.0, 2.0}) {
      CAPTURE(name(config.kind));
      CAPTURE(config.momentum);
      CAPTURE(config.weight_decay);
      CAPTURE(max_norm);
      config.max_gradient_norm = max_norm;
      Model<double> model;
      Optimizer<double> optimizer(config, model.store);
      test::DenseOptimizer oracle(config, model.values());
      for (int t = 1; t <= 50; ++t) {
        const std::vector<double> gradient = model.fill_gradients(t);
        if (t == 20) optimizer.refresh_all();
        optimizer.step();
        oracle.step(gradient);
      }
      optimizer.refresh_all();
      CHECK(relative_error(model.values(), oracle.values) < 1e-12);
    }
}

TEST_CASE("optimizer: refreshed rows hold the dense values at every step, repeated rows included") {
  for (const OptimizerConfig& config : all_rules({0.05, 0, 40})) {
    Model<double> model;
    Optimizer<double> optimizer(config, model.store);
    test::DenseOptimizer oracle(config, model.values());
    for (int t = 1; t <= 30; ++t) {
      const std::vector<Index> rows = {t % 12, (5 * t + 1) % 12, t % 12};
      optimizer.update_lazy_rows(model.table, rows);
      const Tensor<double> table = model.store.value(model.table);
      for (const Index row : rows)
        CHECK(relative_error(std::span(table.row(row), 5), std::span(&oracle.values[7 + 5 * row], 5)) <
              1e-12);
      oracle.step(model.fill_gradients(t));
      optimizer.step();
    }
  }
}

TEST_CASE("optimizer: when rows are refreshed does not change a bit") {
  for (const OptimizerConfig& config : all_rules({0.01, 3, 50})) {
    Model<float> often, once;
    Optimizer<float> a(config, often.store), b(config, once.store);
    for (int t = 1; t <= 40; ++t) {
      often.fill_gradients(t);
      once.fill_gradients(t);
      a.step();
      b.step();
      a.refresh_all();
    }
    b.refresh_all();
    CHECK(often.values() == once.values());
  }
}

TEST_CASE("optimizer: the same bits for one and two threads") {
  const int before = threads();
  for (OptimizerConfig config : all_rules({0.01})) {
    config.max_gradient_norm = 3;
    std::vector<double> values[2];
    double norms[2];
    for (const int count : {1, 2}) {
      set_threads(count);
      Model<float> model(200'003);
      Optimizer<float> optimizer(config, model.store);
      for (int t = 1; t <= 5; ++t) {
        model.fill_gradients(t);
        norms[count - 1] = optimizer.step().gradient_norm;
      }
      optimizer.refresh_all();
      values[count - 1] = model.values();
    }
    CHECK(norms[0] == norms[1]);
    CHECK(values[0] == values[1]);
  }
  set_threads(before);
}

TEST_CASE("optimizer: state, stamps and step count restore a run bit by bit") {
  for (const OptimizerConfig& config : all_rules({0.01, 3, 40})) {
    Model<float> straight, first, second;
    Optimizer<float> a(config, straight.store), b(config, first.store), c(config, second.store);
    for (int t = 1; t <= 30; ++t) {
      straight.fill_gradients(t);
      a.step();
      Model<float>& model = t <= 17 ? first : second;
      model.fill_gradients(t);
      (t <= 17 ? b : c).step();
      if (t != 17) continue;
      for (const ParameterId id : {first.front, first.table, first.back})
        std::ranges::copy(first.store.value(id).span(), second.store.value(id).data);
      for (std::size_t k = 0; k < b.state().size(); ++k) {
        CHECK(b.state()[k].name == c.state()[k].name);
        std::ranges::copy(b.state()[k].values, c.state()[k].values.begin());
      }
      CHECK(b.lazy_row_steps().at(0).parameter == "table");
      std::ranges::copy(b.lazy_row_steps()[0].steps, c.lazy_row_steps()[0].steps.begin());
      c.set_steps(b.steps());
    }
    a.refresh_all();
    c.refresh_all();
    CHECK(a.steps() == c.steps());
    CHECK(straight.values() == second.values());
  }
}

TEST_CASE("optimizer: NaN and infinite gradients are seen wherever they are") {
  for (OptimizerConfig config : all_rules({0.01}))
    for (const double max_norm : {0.0, 1.0}) {
      config.max_gradient_norm = max_norm;
      for (const float bad : {NAN, INFINITY, -INFINITY})
        for (int place = 0; place < 3; ++place) {
          Model<float> model(70'001);
          Optimizer<float> optimizer(config, model.store);
          model.fill_gradients(1);
          CHECK(optimizer.step().finite);
          model.fill_gradients(2);
          if (place == 0) model.store.gradient(model.front).data[70'000] = bad;
          if (place == 1) model.store.gradient(model.table).row(0)[4] = bad;
          if (place == 2) model.store.gradient(model.back).data[0] = bad;
          CHECK_FALSE(optimizer.step().finite);
        }
    }
  Model<float> model;
  Optimizer<float> optimizer({}, model.store);
  model.fill_gradients(1);
  model.store.gradient(model.front).data[3] = std::numeric_limits<float>::max();
  CHECK(optimizer.step().finite);  // large is not infinite
}

TEST_CASE("optimizer: the norm is of dense gradients and touched rows, and clips to its limit") {
  for (const double limit : {10.0, 2.5}) {
    ParameterStore<float> store;
    const ParameterId a = store.add("a", {3}), table = store.add("table", {4, 2}, GradientKind::row_sparse),
                      b = store.add("b", {1}), c = store.add("c", {5});
    store.allocate();
    store.gradient(a).data[0] = 1;
    store.gradient(b).data[0] = -2;
    store.gradient(c).data[4] = 4;
    store.gradient(table).row(1)[0] = 1000;  // left over from an earlier step: row 1 is not touched
    store.row_slot(table, 3).data[0] = 2;
    Optimizer<float> optimizer({.kind = OptimizerKind::sgd, .schedule = {1}, .max_gradient_norm = limit},
                               store);
    CHECK(optimizer.step().gradient_norm == 5);  // 1 + 4 + 16 + 4 = 25
    const double scale = limit > 5 ? 1 : 2.5 / 5.000001;
    CHECK(test::relative_error(static_cast<double>(store.value(c).data[4]), -4 * scale) < 1e-6);
    CHECK(test::relative_error(static_cast<double>(store.value(table).row(3)[0]), -2 * scale) < 1e-6);
  }
}

TEST_CASE("optimizer: small gradients among many are not lost in the norm") {
  ParameterStore<float> store;
  const ParameterId id = store.add("w", {200'000});
  store.allocate();
  for (float& g : store.gradient(id).span()) g = 1e-3f;
  Optimizer<float> optimizer({.kind = OptimizerKind::sgd, .max_gradient_norm = 1}, store);
  const double want = std::sqrt(200'000.0) * static_cast<double>(1e-3f);
  CHECK(test::relative_error(optimizer.step().gradient_norm, want) < 1e-11);
}

TEST_CASE("optimizer: a step and a refresh allocate nothing") {
  for (OptimizerConfig config : all_rules({0.01})) {
    config.max_gradient_norm = 1;
    Model<float> model(100'000);
    Optimizer<float> optimizer(config, model.store);
    model.fill_gradients(1);
    const std::size_t before = test::allocations();
    optimizer.step();
    optimizer.update_lazy_rows(model.table, model.all_rows);
    optimizer.refresh_all();
    CHECK(test::allocations() == before);
  }
}

TEST_CASE("optimizer: rules without momentum keep no needless state, and bad input is refused") {
  Model<float> model;
  CHECK(Optimizer<float>(make_config(OptimizerKind::sgd, 0, 0, {}), model.store).state().empty());
  CHECK(Optimizer<float>(make_config(OptimizerKind::adamw, 0, 0, {}), model.store).state().size() == 2);
  CHECK_THROWS_AS(Optimizer<float>(make_config(OptimizerKind::sgd, 2, 0, {}), model.store), UsageError);
  Optimizer<float> optimizer({}, model.store);
  CHECK_THROWS_AS(optimizer.set_steps(-1), Error);
  ParameterStore<float> unallocated;
  unallocated.add("w", {3});
  CHECK_THROWS_AS(Optimizer<float>({}, unallocated), Error);
}
