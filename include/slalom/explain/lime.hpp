// What LIME draws and fits, of n words (features) that are kept or removed.
#pragma once

#include "slalom/explain/deletions.hpp"

namespace slalom {

/// Everything, then `count` − 1 removals of k random words each, k uniform on 1 … most (none if that is 0).
Coalitions lime_samples(Index words, Index most, Index count, std::uint64_t seed);
/// √ exp(−d² / 25²) of each sample, d = 100 (1 − √(kept / n)).
std::vector<double> lime_kernel(const Coalitions& samples);

struct LimeFit {
  double intercept = 0;
  std::vector<double> weight;  // (n)
  double r2 = 0;               // weighted; NaN if all outputs are equal
};
/// Minimises Σ kernel (output − intercept − kept · weight)² + ‖weight‖².
LimeFit fit_lime(const Coalitions& samples, const std::vector<double>& outputs,
                 const std::vector<double>& kernel);

}  // namespace slalom
