#include <doctest/doctest.h>

#include <set>

#include "slalom/ops/registry.hpp"

using namespace slalom;

TEST_CASE("every operation: full Jacobian in float64, inputs used twice, random weights") {
  REQUIRE(operations().size() >= 15);
  std::set<std::string> names;
  for (const Operation& operation : operations()) {
    REQUIRE(names.insert(operation.name).second);
    REQUIRE(!operation.examples.empty());
    for (const OperationExample& example : operation.examples) {
      const std::string name = operation.name, label = example.label;
      CAPTURE(name);
      CAPTURE(label);
      // A seed that keeps ReLU's inputs away from its kink, where differences are wrong.
      const GradientReport report = check_gradient(example.apply, random_leaves(example, 2));
      CAPTURE(report.worst);
      CHECK(report.jacobian_error <= 1e-7);
      CHECK(report.reused_error <= 1e-7);
    }
  }
}

TEST_CASE("the registry's names are those on the tape") {
  for (const Operation& operation : operations())
    for (const OperationExample& example : operation.examples) {
      Tape<double> tape;
      std::vector<Var> x;
      for (const Leaf& leaf : random_leaves(example, 1)) {
        const Tensor<double> value = tape.allocate(leaf.shape);
        std::ranges::copy(leaf.values, value.data);
        x.push_back(tape.variable(value));
      }
      CHECK(std::string(tape.operation(example.apply(tape, x))) == operation.name);
    }
}

namespace {

// x² with a wrong derivative, a missing "+=" everywhere or for one element, and none at all.
enum class Defect { none, wrong_factor, overwrites, overwrites_one, forgets };

TapeFunction square(Defect defect, Index element = 2) {
  return [defect, element](Tape<double>& tape, std::span<const Var> x) {
    const Tensor<double> X = tape.value(x[0]), y = tape.allocate(X.shape);
    for (Index i = 0; i < X.size(); ++i) y.data[i] = X.data[i] * X.data[i];
    return tape.record("square", y, {x[0]}, [=, v = x[0]](Tape<double>& t, Tensor<const double> dy) {
      if (defect == Defect::forgets) return;
      const GradientSlot<double> dx = t.gradient_slot(v);
      for (Index i = 0; i < X.size(); ++i) {
        const double g =
            (defect == Defect::wrong_factor && i == element ? 2.0001 : 2.0) * X.data[i] * dy.data[i];
        const bool overwrites =
            defect == Defect::overwrites || (defect == Defect::overwrites_one && i == element);
        dx.data[i] = (dx.beta == 0 || overwrites ? 0 : dx.data[i]) + g;
      }
    });
  };
}

}  // namespace

TEST_CASE("a broken operation fails the checker") {
  const std::vector<Leaf> leaves = {{{3}, {0.5, -1.0, 2.0}}};
  CHECK(check_gradient(square(Defect::none), leaves).error() <= 1e-9);
  for (const Index element : {0, 1, 2}) {
    CHECK(check_gradient(square(Defect::wrong_factor, element), leaves).jacobian_error > 1e-5);
    CHECK(check_gradient(square(Defect::overwrites_one, element), leaves).jacobian_error <= 1e-9);
    CHECK(check_gradient(square(Defect::overwrites_one, element), leaves).reused_error > 1e-2);
  }
  CHECK(check_gradient(square(Defect::overwrites), leaves).reused_error > 1e-2);
  CHECK(check_gradient(square(Defect::forgets), leaves).error() > 0.5);
}
