#include "slalom/cli/evaluation_output.hpp"

#include <cmath>
#include <iostream>
#include <nlohmann/json.hpp>

#include "slalom/base/numbers.hpp"
#include "slalom/report/explanation_json.hpp"
#include "slalom/report/table.hpp"

namespace slalom {

namespace {

Json counts_of(const QueryCost& cost) {
  return {cost.queries, cost.unique_queries, cost.token_forwards};
}

QueryCost cost_of(const Json& counts) {
  return {counts.at(0), counts.at(1), counts.at(2)};
}

}  // namespace

EvaluationOutput::EvaluationOutput(std::vector<std::string> methods, std::vector<const MetricInfo*> metrics)
    : methods_(std::move(methods)),
      metrics_(std::move(metrics)),
      found_(methods_.size(), {std::vector<std::vector<double>>(metrics_.size()), {}, {}, {}}) {}

std::string EvaluationOutput::take_line(Index row, Index failed) {
  Json line = {{"row", row}, {"failed", failed}};
  for (Found& found : found_) {
    line["found"].push_back({{"values", found.values},
                             {"cost", counts_of(found.cost)},
                             {"metric_cost", counts_of(found.metric_cost)},
                             {"bf16_differences", found.bf16_differences}});
    found = {std::vector<std::vector<double>>(metrics_.size()), {}, {}, {}};
  }
  return line.dump() + "\n";
}

void EvaluationOutput::add(const Json& line, const std::string& where) {
  try {
    for (std::size_t i = 0; i < found_.size(); ++i) {
      const Json& method = line.at("found").at(i);
      for (std::size_t j = 0; j < metrics_.size(); ++j)
        for (const Json& value : method.at("values").at(j))  // NaN is null
          found_[i].values[j].push_back(value.is_null() ? NAN : value.get<double>());
      found_[i].cost += cost_of(method.at("cost"));
      found_[i].metric_cost += cost_of(method.at("metric_cost"));
      for (const Json& difference : method.at("bf16_differences"))
        found_[i].bf16_differences.push_back(difference.get<double>());
    }
  } catch (const Json::exception& e) {
    throw Error(concat(where, ": found no line of evaluate: ", e.what()));
  }
}

void EvaluationOutput::write(const CommonOptions& common, std::uint64_t seed) const {
  using enum Table::Align;
  Table table({{"method"},
               {"metric"},
               {"direction"},
               {"unit"},
               {"n", right},
               {"mean", right},
               {"standard error", right}});
  std::string lines;
  for (std::size_t i = 0; i < methods_.size(); ++i)
    for (std::size_t j = 0; j < metrics_.size(); ++j) {
      const Summary s = summarise(found_[i].values[j]);
      const MetricInfo& metric = *metrics_[j];
      lines += line(i, j, seed);
      table.add_row({methods_[i], metric.name, name(metric.direction), metric.unit, std::to_string(s.n),
                     fixed(s.mean, 4), fixed(s.standard_error, 4)});
    }
  write_file(common.output, lines);
  if (!common.quiet) std::cerr << table.text();
}

std::string EvaluationOutput::line(std::size_t method, std::size_t metric, std::uint64_t seed) const {
  const Found& found = found_[method];
  const MetricInfo& info = *metrics_[metric];
  const Summary s = summarise(found.values[metric]);
  JsonRow row;
  row.field("method", methods_[method])
      .field("metric", info.name)
      .field("direction", name(info.direction))
      .field("unit", info.unit)
      .field("n", s.n)
      .field("mean", s.mean)
      .field("standard_error", s.standard_error);
  return add_cost(add_bf16(row, summarise_differences(found.bf16_differences)), found.cost)
             .field("metric_queries", found.metric_cost.queries)
             .field("metric_unique_queries", found.metric_cost.unique_queries)
             .field("metric_token_forwards", found.metric_cost.token_forwards)
             .field("seed", seed)
             .field("version", SLALOM_VERSION)
             .str() +
         "\n";
}

}  // namespace slalom
