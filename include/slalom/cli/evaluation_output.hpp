// What evaluate found, method by method: the table, and the lines of a shard that it can be made of again.
#pragma once

#include "slalom/base/json.hpp"
#include "slalom/cli/options.hpp"
#include "slalom/metrics/metric.hpp"
#include "slalom/nn/predictor.hpp"

namespace slalom {

class EvaluationOutput {
 public:
  /// Of one method.
  struct Found {
    std::vector<std::vector<double>> values;  // of each metric, one a text
    QueryCost cost, metric_cost;              // of the explanations, of scoring them
    std::vector<double> bf16_differences;     // of both
  };

  EvaluationOutput(std::vector<std::string> methods, std::vector<const MetricInfo*> metrics);

  std::vector<Found>& found() { return found_; }
  /// What was found is that of one row of a shard: its line, after which nothing is found. `failed` is how
  /// often a method or a metric could do nothing with it.
  std::string take_line(Index row, Index failed);
  /// Adds what such a line says; `where` is its place, for errors.
  void add(const Json& line, const std::string& where);
  /// Writes JSON lines, and the table on stderr.
  void write(const CommonOptions& common, std::uint64_t seed) const;

 private:
  std::string line(std::size_t method, std::size_t metric, std::uint64_t seed) const;

  std::vector<std::string> methods_;
  std::vector<const MetricInfo*> metrics_;
  std::vector<Found> found_;
};

}  // namespace slalom
