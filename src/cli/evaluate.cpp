// slalom evaluate: metrics of explanations, method by method, over all rows.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "slalom/cli/evaluation_output.hpp"
#include "slalom/cli/explaining.hpp"
#include "slalom/metrics/evaluation.hpp"

namespace slalom {

namespace {

std::vector<const MetricInfo*> chosen_metrics(const std::string& list) {
  std::vector<const MetricInfo*> metrics;
  for (const std::string& word : split_list(list)) {
    if (std::ranges::count(metrics, &metric_named(word)) > 0)
      throw UsageError("--metrics: " + word + " twice");
    metrics.push_back(&metric_named(word));
  }
  if (metrics.empty()) throw UsageError("--metrics, wanted one or more");
  return metrics;
}

// Scores that a row gives, of the explained tokens.
std::vector<double> given_scores(const WindowText& text) {
  std::vector<double> given;
  if (!text.row.scores.empty())
    for (const auto& unit : text.text.units()) {
      const auto first = text.row.scores.begin() + unit.first;
      given.push_back(*std::max_element(first, first + unit.size));
    }
  return given;
}

std::vector<std::string> names_of(const std::vector<RankedMethod>& methods) {
  std::vector<std::string> names;
  for (const RankedMethod& method : methods) names.push_back(method.name);
  return names;
}

class Evaluator {
 public:
  Evaluator(Explaining& run, std::vector<RankedMethod> methods, std::vector<const MetricInfo*> metrics)
      : run_(run),
        methods_(std::move(methods)),
        metrics_(std::move(metrics)),
        options_{.step = integer_option(run.parsed, "step", 1, 1'000'000),
                 .held_out = run.options.held_out,
                 .masking = run.options.masking,
                 .seed = run.common.seed},
        output_(names_of(methods_), metrics_) {
    if (options_.held_out == 0) throw UsageError("--held-out 0, evaluate wants at least 1");
    run.options.held_out = 0;  // fidelity is one of the metrics here
  }

  // What one method or metric cannot do with a text, others may.
  int write() {
    TokenRows rows = run_.rows("evaluate");
    std::string lines;  // of a shard
    Index failed = 0;
    const auto finish_row = [&] {
      if (rows.shard()) lines += output_.take_line(rows.number(), rows.failed() - failed);
      failed = rows.failed();
    };
    rows.each(
        [&](const InputRow& row) {
          run_.each_text(row, [&](const WindowText& text) { evaluate_text(text, rows); });
          finish_row();
        },
        [&](const InputRow&, const std::string&) { finish_row(); });
    check_interrupt();
    if (rows.count() == 0) throw Error(rows.name() + ": found no rows to evaluate");
    if (rows.shard())
      write_file(run_.common.output, lines + rows.end_of_shard(settings()));
    else
      output_.write(run_.common, run_.common.seed);
    return rows.status();
  }

 private:
  // All that the output depends on but the rows.
  Json settings() const {
    Json all = {{"command", "evaluate"},
                {"methods", names_of(methods_)},
                {"metrics", split_list(run_.parsed["metrics"].word)},
                {"step", options_.step},
                {"held_out", options_.held_out},
                {"seed", run_.common.seed},
                {"version", SLALOM_VERSION},
                {"model_sha256", run_.classifier.model.sha256}};
    for (const RankedMethod& m : methods_)
      all["parameters"].push_back(parse_json(run_.parameters(*m.method), "parameters"));
    return all;
  }

  void evaluate_text(const WindowText& text, TokenRows& rows) {
    const std::vector<double> given = given_scores(text);
    for (std::size_t i = 0; i < methods_.size(); ++i)
      rows.error_of(text.row, [&] { evaluate_method(methods_[i], text, given, rows, output_.found()[i]); });
  }

  void evaluate_method(const RankedMethod& method, const WindowText& text, const std::vector<double>& given,
                       TokenRows& rows, EvaluationOutput::Found& found) {
    const OpenedModel& model = run_.classifier.model;
    options_.is_target.reset();
    if (text.row.label) options_.is_target = *text.row.label == (model.classes ? model.classes->target() : 1);
    const Explanation e = run_.explain(*method.method, text);
    found.cost += e.cost;
    const QueryCost before = model.f->cost();
    for (std::size_t j = 0; j < metrics_.size(); ++j)
      rows.error_of(text.row, [&] {
        const Evaluated evaluated{e, method.scores(e), method.ranking(e) == "importance"};
        found.values[j].push_back(evaluate(*metrics_[j], evaluated, *model.f, text.text, given, options_));
      });
    found.metric_cost += model.f->cost() - before;
    const std::span<const double> differences = model.f->bf16_differences();
    found.bf16_differences.insert(found.bf16_differences.end(), differences.begin(), differences.end());
  }

  const Explaining& run_;
  std::vector<RankedMethod> methods_;
  std::vector<const MetricInfo*> metrics_;
  EvaluationOptions options_;
  EvaluationOutput output_;
};

int run(const ParsedOptions& parsed) {
  const CommonOptions common = read_common(parsed);
  const std::vector<RankedMethod> methods = ranked_methods(parsed["methods"].word);
  const std::vector<const MetricInfo*> metrics = chosen_metrics(parsed["metrics"].word);
  Explaining explaining(parsed, common);
  return Evaluator(explaining, methods, metrics).write();
}

}  // namespace

Command evaluate_command() {
  OptionTable options = {
      {"methods", "A,B", "slalom-exact,slalom-fidel,linear-deletion",
       "of explain; slalom-fidel:value ranks by a score"},
      {"metrics", "A,B", "insertion,deletion,removal-mse,removal-rank", listed(metrics(), &MetricInfo::name)},
      {"step", "N", "1", "tokens between two points of a curve", "metrics=insertion metrics=deletion"}};
  for (Option option : explaining_options("methods")) {
    if (option.name == "held-out") option.needs = "metrics=removal-mse";
    options.push_back(option);
  }
  return {.name = "evaluate",
          .summary = "metrics of explanations: insertion, deletion, removal, agreement",
          .options = options,
          .unused = {{"flip", "no metric is of flips"}},
          .examples = {"evaluate --model DIR --input rows.jsonl",
                       "evaluate --model DIR --input rows.jsonl --metrics deletion,kendall"},
          .run = run};
}

}  // namespace slalom
