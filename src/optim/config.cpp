#include "slalom/optim/config.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "slalom/base/error.hpp"

namespace slalom {

namespace {

constexpr std::array kKinds = {OptimizerKind::sgd, OptimizerKind::rmsprop, OptimizerKind::adamw};

void require_fraction(const char* field, double found) {
  if (!(found >= 0 && found < 1))
    throw UsageError(concat("[optimizer] ", field, " is ", found, ", wanted a number in [0, 1)"));
}

void require_not_negative(const char* field, double found) {
  if (!std::isfinite(found) || found < 0)
    throw UsageError(concat("[optimizer] ", field, " is ", found, ", wanted 0 or more"));
}

}  // namespace

const char* name(OptimizerKind kind) {
  switch (kind) {
    case OptimizerKind::sgd:
      return "sgd";
    case OptimizerKind::rmsprop:
      return "rmsprop";
    case OptimizerKind::adamw:
      return "adamw";
  }
  throw Error("[optimizer] unknown kind");
}

OptimizerKind optimizer_kind(const std::string& wanted) {
  for (const OptimizerKind kind : kKinds)
    if (wanted == name(kind)) return kind;
  throw UsageError(concat("[optimizer] unknown name '", wanted, "', wanted sgd, rmsprop or adamw"));
}

double Schedule::learning_rate(Index step) const {
  const Index behind = step - 1;
  if (behind < warmup_steps) return peak * static_cast<double>(behind) / static_cast<double>(warmup_steps);
  if (total_steps == 0) return peak;
  const Index left = std::max<Index>(0, total_steps - behind);
  const Index decay_steps = std::max<Index>(1, total_steps - warmup_steps);
  return peak * static_cast<double>(left) / static_cast<double>(decay_steps);
}

void Schedule::validate() const {
  if (!std::isfinite(peak) || peak <= 0)
    throw UsageError(concat("[schedule] learning rate is ", peak, ", wanted a positive number"));
  if (warmup_steps < 0)
    throw UsageError(concat("[schedule] warm-up is ", warmup_steps, " steps, wanted 0 or more"));
  if (total_steps < 0 || (total_steps > 0 && total_steps < warmup_steps))
    throw UsageError(concat("[schedule] ", total_steps, " steps in total with ", warmup_steps,
                            " of warm-up, wanted at least the warm-up (or 0: no decay)"));
}

OptimizerConfig OptimizerConfig::defaults(OptimizerKind kind) {
  OptimizerConfig config;
  config.kind = kind;
  if (kind == OptimizerKind::adamw) config.weight_decay = 0.01;
  return config;
}

void OptimizerConfig::validate() const {
  schedule.validate();
  require_fraction("alpha", alpha);
  require_fraction("beta1", beta1);
  require_fraction("beta2", beta2);
  require_fraction("momentum", momentum);
  require_not_negative("weight decay", weight_decay);
  require_not_negative("maximal gradient norm", max_gradient_norm);
  // Without eps a gradient of zero on a fresh state would be 0/0.
  if (!std::isfinite(eps) || eps <= 0)
    throw UsageError(concat("[optimizer] eps is ", eps, ", wanted a positive number"));
  if (weight_decay != 0 && kind != OptimizerKind::adamw)
    throw UsageError(concat("[optimizer] weight decay is ", weight_decay, ", but ", name(kind), " has none"),
                     "use adamw, or weight decay 0");
  if (momentum != 0 && kind != OptimizerKind::sgd)
    throw UsageError(concat("[optimizer] momentum is ", momentum, ", but ", name(kind), " has none here"),
                     "use sgd, or momentum 0");
}

}  // namespace slalom
