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
