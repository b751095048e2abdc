// Agreement of two lists of numbers. All are NaN where undefined: fewer than two numbers, or a list whose
// numbers are all equal. Throw Error if the lengths differ or a number is not finite.
#pragma once

#include <span>
#include <vector>

namespace slalom {

/// Ranks from 1; equal numbers share the mean of their ranks.
std::vector<double> ranks(std::span<const double> x);

double pearson(std::span<const double> x, std::span<const double> y);
/// Pearson of the ranks.
double spearman(std::span<const double> x, std::span<const double> y);
/// Kendall's τ_b, which corrects for ties on either side. O(n²).
double kendall(std::span<const double> x, std::span<const double> y);

/// Area under the ROC curve: the chance that a positive scores above a negative, ties counted half. NaN
/// without positives or negatives.
double roc_auc(std::span<const double> scores, const std::vector<bool>& positive);

}  // namespace slalom
