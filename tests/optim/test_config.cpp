#include <doctest/doctest.h>

#include <cmath>

#include "slalom/base/error.hpp"
#include "slalom/optim/config.hpp"

using namespace slalom;

namespace {

OptimizerConfig with(OptimizerKind kind, double OptimizerConfig::*field, double value) {
  OptimizerConfig config;
  config.kind = kind;
  config.*field = value;
  return config;
}

}  // namespace

TEST_CASE("optimizer config: names go both ways") {
  for (const auto kind : {OptimizerKind::sgd, OptimizerKind::rmsprop, OptimizerKind::adamw})
    CHECK(optimizer_kind(name(kind)) == kind);
  CHECK_THROWS_WITH_AS(optimizer_kind("adam"),
                       "[optimizer] unknown name 'adam', wanted sgd, rmsprop or adamw", UsageError);
}

TEST_CASE("optimizer config: PyTorch's defaults are valid") {
  for (const auto kind : {OptimizerKind::sgd, OptimizerKind::rmsprop, OptimizerKind::adamw}) {
    const OptimizerConfig config = OptimizerConfig::defaults(kind);
    CHECK(config.kind == kind);
    CHECK(config.weight_decay == (kind == OptimizerKind::adamw ? 0.01 : 0));
    CHECK_NOTHROW(config.validate());
  }
}

TEST_CASE("optimizer config: numbers out of range and numbers without effect are refused") {
  using enum OptimizerKind;
  for (const auto field : {&OptimizerConfig::alpha, &OptimizerConfig::beta1, &OptimizerConfig::beta2})
    for (const double bad : {-0.1, 1.0, double{NAN}})
      CHECK_THROWS_AS(with(adamw, field, bad).validate(), UsageError);
  CHECK_THROWS_AS(with(sgd, &OptimizerConfig::momentum, 1).validate(), UsageError);
  CHECK_THROWS_AS(with(rmsprop, &OptimizerConfig::eps, 0).validate(), UsageError);
  CHECK_THROWS_AS(with(adamw, &OptimizerConfig::weight_decay, -1).validate(), UsageError);
  CHECK_THROWS_AS(with(adamw, &OptimizerConfig::max_gradient_norm, INFINITY).validate(), UsageError);
  CHECK_THROWS_WITH_AS(with(rmsprop, &OptimizerConfig::weight_decay, 0.5).validate(),
                       "[optimizer] weight decay is 0.5, but rmsprop has none", UsageError);
  CHECK_THROWS_AS(with(adamw, &OptimizerConfig::momentum, 0.5).validate(), UsageError);
  OptimizerConfig config;
  config.schedule.peak = -1;
  CHECK_THROWS_AS(config.validate(), UsageError);
}

TEST_CASE("schedule: warm-up from 0, then down to 0") {
  // peak 0.8, 4 of 12 steps of warm-up: 0, 0.2, 0.4, 0.6, then 0.8 · (8, 7, …, 1, 0) / 8.
  const Schedule schedule{0.8, 4, 12};
  const double want[] = {0, .2, .4, .6, .8, .7, .6, .5, .4, .3, .2, .1, 0, 0};
  for (int step = 1; step <= 14; ++step)
    CHECK(std::abs(schedule.learning_rate(step) - want[step - 1]) < 1e-15);
}

TEST_CASE("schedule: without an end it stays at its peak, without warm-up it starts there") {
  CHECK(Schedule{5e-5}.learning_rate(1) == 5e-5);
  CHECK(Schedule{5e-5}.learning_rate(1'000'000'000) == 5e-5);
  CHECK(Schedule{1, 2}.learning_rate(2) == 0.5);
  CHECK(Schedule{1, 2}.learning_rate(3) == 1);
  CHECK(Schedule{1, 2}.learning_rate(500) == 1);
  CHECK(Schedule{1, 0, 4}.learning_rate(1) == 1);
  CHECK(Schedule{1, 0, 4}.learning_rate(4) == 0.25);
  CHECK(Schedule{1, 3, 3}.learning_rate(4) == 0);  // all warm-up: no division by zero
}

TEST_CASE("schedule: refuses what makes no sense") {
  CHECK_THROWS_AS((Schedule{0}.validate()), UsageError);
  CHECK_THROWS_AS((Schedule{NAN}.validate()), UsageError);
  CHECK_THROWS_AS((Schedule{INFINITY}.validate()), UsageError);
  CHECK_THROWS_AS((Schedule{1, -1}.validate()), UsageError);
  CHECK_THROWS_AS((Schedule{1, 0, -1}.validate()), UsageError);
  CHECK_THROWS_WITH_AS(
      (Schedule{1, 5, 4}.validate()),
      "[schedule] 4 steps in total with 5 of warm-up, wanted at least the warm-up (or 0: no decay)",
      UsageError);
  CHECK_NOTHROW(Schedule{1, 5, 0}.validate());
}
