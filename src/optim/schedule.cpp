#include "slalom/optim/schedule.hpp"

#include <algorithm>
#include <cmath>

#include "slalom/base/error.hpp"

namespace slalom {

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

}  // namespace slalom
