#include "slalom/autograd/parameter_store.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>

#include "slalom/base/error.hpp"

using namespace slalom;

namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

struct Store : ParameterStore<double> {
  ParameterId weight = add("weight", {2, 3}), bias = add("bias", {3}),
              table = add("table", {5, 2}, GradientKind::row_sparse);
  Store() { allocate(); }
};

}  // namespace

TEST_CASE("parameters: names, shapes, zero values, alignment") {
  Store store;
  CHECK(store.count() == 3);
  CHECK(store.scalars() == 6 + 3 + 10);
  CHECK(store.name(store.bias) == "bias");
  CHECK(store.shape(store.table) == Shape{5, 2});
  CHECK(store.kind(store.table) == GradientKind::row_sparse);
  CHECK(store.find("bias") == store.bias);
  CHECK(!store.find("other").valid());
  CHECK(store.block_size() >= store.offset(store.table) + 10);
  for (int i = 0; i < 3; ++i) {
    CHECK(reinterpret_cast<std::uintptr_t>(store.value({i}).data) % 64 == 0);
    CHECK(store.value({i}).data - store.value({0}).data == store.offset({i}));
    for (const double x : store.value({i}).span()) CHECK(x == 0);
  }
}

TEST_CASE("parameters: what cannot be registered") {
  ParameterStore<float> store;
  store.add("w", {2});
  CHECK_THROWS_WITH_AS(store.add("w", {3}), "[parameters] w is registered twice", Error);
  CHECK_THROWS_WITH_AS(store.add("v", {2, 0}), "[parameters] v has shape (2, 0), wanted positive extents",
                       Error);
  store.allocate();
  CHECK_THROWS_WITH_AS(store.add("v", {2}), "[parameters] v comes after allocate()", Error);
}

TEST_CASE("parameters: the first contribution of a step overwrites, the next ones add") {
  Store store;
  for (int step = 0; step < 2; ++step) {
    store.clear_gradients();
    CHECK(store.gradient_slot(store.weight).beta == 0);
    CHECK(store.gradient_slot(store.weight).beta == 1);
    CHECK(store.gradient_slot(store.bias).beta == 0);
    CHECK(store.gradient_slot(store.bias).data == store.gradient(store.bias).data);
  }
}

TEST_CASE("parameters: finish_gradients zeroes what nothing wrote to, and nothing else") {
  Store store;
  for (int i = 0; i < store.count(); ++i) std::ranges::fill(store.gradient({i}).span(), kNan);
  store.clear_gradients();
  std::ranges::fill(Tensor<double>{store.gradient_slot(store.weight).data, {2, 3}}.span(), 7.0);
  store.finish_gradients();
  for (const double x : store.gradient(store.weight).span()) CHECK(x == 7);
  for (const double x : store.gradient(store.bias).span()) CHECK(x == 0);
  CHECK(std::isnan(store.gradient(store.table).data[0]));  // a row-sparse block is never walked
}

TEST_CASE("parameters: rows of a table are touched once a step, in order") {
  Store store;
  for (int step = 0; step < 2; ++step) {
    store.clear_gradients();
    CHECK(store.touched_rows(store.table).empty());
    CHECK(store.row_slot(store.table, 4).beta == 0);
    CHECK(store.row_slot(store.table, 1).beta == 0);
    CHECK(store.row_slot(store.table, 4).beta == 1);
    CHECK(store.row_slot(store.table, 4).data == store.gradient(store.table).row(4));
    CHECK(store.touched_rows(store.table) == std::vector<Index>{4, 1});
  }
}
