#include <doctest/doctest.h>

#include <cmath>

#include "../support/compare.hpp"
#include "slalom/optim/gradient_norm.hpp"

using namespace slalom;

TEST_CASE("gradient norm: dense parameters and touched rows, nothing else") {
  ParameterStore<float> store;
  const ParameterId a = store.add("a", {3}), table = store.add("table", {4, 2}, GradientKind::row_sparse),
                    b = store.add("b", {1}), c = store.add("c", {5});
  store.allocate();
  CHECK(dense_ranges(store).size() == 2);
  CHECK(dense_ranges(store)[1].first == b);
  CHECK(dense_ranges(store)[1].size == store.offset(c) + 5 - store.offset(b));
  CHECK(row_sparse_parameters(store) == std::vector{table});

  store.gradient(a).data[0] = 1;
  store.gradient(b).data[0] = -2;
  store.gradient(c).data[4] = 4;
  store.gradient(table).row(1)[0] = 1000;  // left over from an earlier step: row 1 is not touched
  store.row_slot(table, 3).data[0] = 2;
  GradientNorm<float> norm(store);
  CHECK(norm.compute() == 5);  // 1 + 4 + 16 + 4 = 25; the second value of row 3 is 0
}

TEST_CASE("gradient norm: small numbers among many are not lost") {
  ParameterStore<float> store;
  const ParameterId id = store.add("w", {200'000});
  store.allocate();
  for (float& g : store.gradient(id).span()) g = 1e-3f;
  const double want = std::sqrt(200'000.0) * static_cast<double>(1e-3f);
  CHECK(test::relative_error(GradientNorm<float>(store).compute(), want) < 1e-11);
}

TEST_CASE("clipping scale: never above 1") {
  CHECK(clipping_scale(0.5, 1) == 1);
  CHECK(clipping_scale(0, 1) == 1);
  CHECK(test::relative_error(clipping_scale(4, 1), 1 / 4.000001) < 1e-15);
}
