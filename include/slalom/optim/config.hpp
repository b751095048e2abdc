// Which update rule, with which numbers: everything an optimiser is told.
#pragma once

#include <string>

#include "slalom/base/index.hpp"

namespace slalom {

enum class OptimizerKind { sgd, rmsprop, adamw };

/// "sgd", "rmsprop", "adamw"
const char* name(OptimizerKind kind);
/// The kind of that name; throws UsageError that lists the names.
OptimizerKind optimizer_kind(const std::string& name);

/// The learning rate: linear warm-up, then linear decay. At step t = 1, 2, …, with c = t − 1 steps behind it,
/// it is (as in Hugging Face's get_linear_schedule_with_warmup, whose first warm-up step has learning rate 0)
///
///   c < warmup_steps:   peak · c / warmup_steps
///   otherwise:          peak · max(0, (total_steps − c) / max(1, total_steps − warmup_steps))
///
/// total_steps 0 keeps the learning rate at peak after the warm-up.
struct Schedule {
  double peak = 1e-3;
  Index warmup_steps = 0;
  Index total_steps = 0;

  double learning_rate(Index step) const;
  /// Throws UsageError unless 0 < peak < ∞ and 0 ≤ warmup_steps ≤ total_steps (or total_steps = 0).
  void validate() const;
};

/// Symbols and semantics are PyTorch's (torch.optim.SGD, RMSprop, AdamW).
struct OptimizerConfig {
  OptimizerKind kind = OptimizerKind::rmsprop;
  Schedule schedule;
  double alpha = 0.99;           ///< rmsprop: smoothing of the mean square, in [0, 1)
  double eps = 1e-8;             ///< rmsprop, adamw: added to the root, positive
  double beta1 = 0.9;            ///< adamw: smoothing of the mean, in [0, 1)
  double beta2 = 0.999;          ///< adamw: smoothing of the mean square, in [0, 1)
  double weight_decay = 0;       ///< adamw only: decoupled; every parameter, once a step
  double momentum = 0;           ///< sgd only, in [0, 1)
  double max_gradient_norm = 0;  ///< global norm to clip to; 0 = off

  /// PyTorch's defaults for the kind: like the ones above, but AdamW has weight_decay 0.01.
  static OptimizerConfig defaults(OptimizerKind kind);
  /// Throws UsageError for a number out of its range, or one that the kind does not use.
  void validate() const;
};

}  // namespace slalom
