// slalom evaluate: metrics of explanations, method by method, over all rows.
#include <algorithm>
#include <iostream>

#include "slalom/base/interrupt.hpp"
#include "slalom/base/json.hpp"
#include "slalom/base/numbers.hpp"
#include "slalom/cli/cli.hpp"
#include "slalom/cli/ranked_methods.hpp"
#include "slalom/cli/texts.hpp"
#include "slalom/metrics/evaluation.hpp"
#include "slalom/report/explanation_json.hpp"
#include "slalom/report/table.hpp"

namespace slalom {

namespace {

// Scores that a row gives, of the explained tokens.
std::vector<double> given_scores(const InputRow& row, const ExplainedText& text) {
  std::vector<double> given;
  if (!row.scores.empty())
    for (const auto& unit : text.units()) {
      const auto first = row.scores.begin() + unit.first;
      given.push_back(*std::max_element(first, first + unit.size));
    }
  return given;
}

struct Found {
  std::vector<std::vector<double>> values;  // of each metric, one a text
  QueryCost cost, metric_cost;              // of the explanations, of scoring them
};

void print(const std::vector<RankedMethod>& methods, const std::vector<const MetricInfo*>& metrics,
           const std::vector<Found>& found, const CommonOptions& common) {
  OutputFile output(common.output);
  Table table({{"method"},
               {"metric"},
               {"direction"},
               {"unit"},
               {"n", Table::Align::right},
               {"mean", Table::Align::right},
               {"standard error", Table::Align::right}});
  for (std::size_t i = 0; i < methods.size(); ++i)
    for (std::size_t j = 0; j < metrics.size(); ++j) {
      const Summary s = summarise(found[i].values[j]);
      const MetricInfo& metric = *metrics[j];
      JsonRow row;
      row.field("method", methods[i].name)
          .field("metric", metric.name)
          .field("direction", name(metric.direction))
          .field("unit", metric.unit)
          .field("n", s.n)
          .field("mean", s.mean)
          .field("standard_error", s.standard_error);
      add_cost(row, found[i].cost)
          .field("metric_queries", found[i].metric_cost.queries)
          .field("metric_unique_queries", found[i].metric_cost.unique_queries)
          .field("metric_token_forwards", found[i].metric_cost.token_forwards)
          .field("seed", common.seed)
          .field("version", SLALOM_VERSION);
      output.write(row.str() + "\n");
      table.add_row({methods[i].name, metric.name, name(metric.direction), metric.unit, std::to_string(s.n),
                     fixed(s.mean, 4), fixed(s.standard_error, 4)});
    }
  output.commit();
  if (!common.quiet) std::cerr << table.text();
}

int run(const ParsedOptions& parsed) {
  const CommonOptions common = read_common(parsed);
  const std::vector<RankedMethod> methods = ranked_methods(parsed["methods"].as<std::string>());
  std::vector<const MetricInfo*> metrics;
  for (const std::string& word : split_list(parsed["metrics"].as<std::string>())) {
    if (std::ranges::find(metrics, &metric_named(word)) != metrics.end())
      throw UsageError("--metrics: " + word + " twice");
    metrics.push_back(&metric_named(word));
  }
  if (metrics.empty()) throw UsageError("--metrics, wanted one or more");
  OpenedClassifier classifier = open_classifier(parsed, common);
  ExplainOptions chosen = read_explain_options(parsed, common, methods_of(methods), classifier);
  const WindowOptions windows = read_window_options(parsed, classifier);
  if (chosen.held_out == 0) throw UsageError("--held-out 0, evaluate wants at least 1");
  EvaluationOptions options{.step = integer_option(parsed, "step", 1, 1'000'000),
                            .held_out = chosen.held_out,
                            .masking = chosen.masking,
                            .seed = common.seed};
  chosen.held_out = 0;  // fidelity is one of the metrics here
  std::vector<Found> found(methods.size(), {std::vector<std::vector<double>>(metrics.size()), {}});
  InputTexts source(parsed, common, classifier.any_length(), classifier.tokenizer_or_null());
  Progress progress(common.progress, "evaluate", 0);
  Index rows = 0, failed = 0;
  // What one method or metric cannot do with a text, others may.
  const auto attempt = [&](const InputRow& row, const auto& body) {
    if (error_of_row(source, row, classifier, body)) ++failed;
  };
  const auto evaluate_method = [&](std::size_t i, const InputRow& row, const ExplainedText& text) {
    options.is_target.reset();
    if (row.label) options.is_target = *row.label == (classifier.classes ? classifier.classes->target() : 1);
    const Explanation e = classifier.explain(*methods[i].method, text, chosen);
    found[i].cost += e.cost;
    const QueryCost before = classifier.f->cost();
    for (std::size_t j = 0; j < metrics.size(); ++j)
      attempt(row, [&] {
        found[i].values[j].push_back(
            evaluate(*metrics[j], {e, scores_of(e, methods[i]), ranking_of(e, methods[i]) == "importance"},
                     *classifier.f, text, given_scores(row, text), options));
      });
    found[i].metric_cost += classifier.f->cost() - before;
  };
  for (InputRow row; source.next(row); progress.update(++rows)) {
    check_interrupt();
    attempt(row, [&] {
      windows.each_text(row, classifier,
                        [&](const InputRow& part, const RowWindow&, const ExplainedText& text) {
                          for (std::size_t i = 0; i < methods.size(); ++i)
                            attempt(part, [&] { evaluate_method(i, part, text); });
                        });
    });
  }
  if (rows == 0) throw Error(source.name() + ": found no rows to evaluate");
  progress.finish();
  print(methods, metrics, found, common);
  return static_cast<int>(failed > 0 ? ExitStatus::incomplete : ExitStatus::done);
}

}  // namespace

Command evaluate_command() {
  OptionTable options = {
      {"methods", "A,B", "slalom-exact,slalom-fidel,linear-deletion",
       "of explain; slalom-fidel:value ranks by a score"},
      {"metrics", "A,B", "insertion,deletion,removal-mse,removal-rank", listed(metrics(), &MetricInfo::name)},
      {"step", "N", "1", "tokens between two points of a curve", "metrics=insertion metrics=deletion"}};
  for (Option option : explaining_options()) {
    if (option.name == "held-out") option.needs = "metrics=removal-mse";
    options.push_back(option);
  }
  return {.name = "evaluate",
          .summary = "metrics of explanations: insertion, deletion, removal, agreement",
          .options = options,
          .examples = {"evaluate --model DIR --input rows.jsonl",
                       "evaluate --model DIR --input rows.jsonl --metrics deletion,kendall"},
          .run = run};
}

}  // namespace slalom
