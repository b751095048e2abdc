#include "slalom/metrics/metric.hpp"

#include <cmath>
#include <limits>

#include "slalom/base/error.hpp"

namespace slalom {

const char* name(Direction direction) {
  return direction == Direction::higher_is_better ? "higher is better" : "lower is better";
}

const std::vector<MetricInfo>& metrics() {
  constexpr Direction higher = Direction::higher_is_better, lower = Direction::lower_is_better;
  static const std::vector<MetricInfo> table = {
      {"insertion", higher, "probability",
       "probability of the target class with only the best-ranked tokens kept, mean over their number"},
      {"deletion", lower, "probability",
       "probability of the target class with the best-ranked tokens removed, mean over their number"},
      {"removal-mse", lower, "nats²",
       "squared error of the predicted change of log-odds, mean over 1 to 10 random tokens removed"},
      {"removal-mse-single", lower, "nats²",
       "squared error of the predicted change of log-odds, mean over the tokens removed one at a time"},
      {"removal-rank", higher, "1",
       "Spearman correlation of the predicted with the true change of log-odds, one token removed at a time"},
      {"spearman", higher, "1", "rank correlation with given scores"},
      {"pearson", higher, "1", "linear correlation with given scores"},
      {"kendall", higher, "1", "rank correlation with given scores, tau-b"},
      {"roc-auc", higher, "1", "chance that a token marked as important scores above one that is not"},
      {"insertion-published", lower, "probability",
       "1 − probability of the true label with only the tokens kept that rank best for it, mean over their "
       "number"},
      {"deletion-published", higher, "probability",
       "1 − probability of the true label with only the tokens kept that rank worst for it, mean over their "
       "number"},
      {"removal-mse-published", lower, "nats²",
       "removal-mse over nested removals, at the same places in all texts of a length"},
      {"spearman-published", higher, "1",
       "rank correlation with given scores over distinct tokens, of importances with their absolute values"},
      {"roc-auc-published", higher, "1",
       "roc-auc of absolute scores (importances as they are) of distinct tokens"},
  };
  return table;
}

const MetricInfo& metric_named(const std::string& name) {
  for (const MetricInfo& metric : metrics())
    if (metric.name == name) return metric;
  throw UsageError(concat("there is no metric '", name, "'"),
                   concat("the metrics are ", listed(metrics(), &MetricInfo::name)));
}

Summary summarise(std::span<const double> values) {
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  Summary summary{0, nan, nan};
  double sum = 0, squares = 0;
  for (const double x : values)
    if (!std::isnan(x)) {
      ++summary.n;
      sum += x;
    }
  const double n = static_cast<double>(summary.n);
  if (summary.n > 0) summary.mean = sum / n;
  for (const double x : values)
    if (!std::isnan(x)) squares += (x - summary.mean) * (x - summary.mean);
  if (summary.n > 1) summary.standard_error = std::sqrt(squares / (n - 1) / n);
  return summary;
}

}  // namespace slalom
