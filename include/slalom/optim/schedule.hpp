// The learning rate as a function of the step: linear warm-up, then linear decay.
#pragma once

#include "slalom/base/parallel.hpp"

namespace slalom {

/// Rate of step t = 1, 2, …, with c = t − 1 steps behind it (the semantics of Hugging Face's
/// get_linear_schedule_with_warmup, whose first warm-up step has learning rate 0):
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

}  // namespace slalom
