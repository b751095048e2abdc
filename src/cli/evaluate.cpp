// slalom evaluate: metrics of explanations, method by method, over all rows.
#include <algorithm>
#include <iostream>

#include "slalom/base/interrupt.hpp"
#include "slalom/base/json.hpp"
#include "slalom/base/numbers.hpp"
#include "slalom/cli/classifier.hpp"
#include "slalom/cli/cli.hpp"
#include "slalom/metrics/evaluation.hpp"
#include "slalom/report/table.hpp"

namespace slalom {

namespace {

// "slalom-fidel:value": a method and which of its scores rank the tokens.
struct Ranked {
  std::string name;
  const Method* method;
  std::string score;
};

Ranked ranked(const std::string& word) {
  const std::size_t colon = word.find(':');
  return {word, &method_named(word.substr(0, colon)),
          colon == std::string::npos ? "" : word.substr(colon + 1)};
}

const std::vector<double>& scores_of(const Explanation& e, const Ranked& ranked) {
  const std::string& score = ranked.score;
  if (const auto* slalom = std::get_if<SlalomScores>(&e.scores)) {
    if (score.empty() || score == "linear") return slalom->linear;
    if (score == "value") return slalom->value;
    if (score == "importance") return slalom->importance;
    if (score == "removal") return slalom->removal;
    throw UsageError("--methods " + ranked.name +
                     ", wanted linear, value, importance or removal after the colon");
  }
  if (!score.empty() && score != "weight")
    throw UsageError("--methods " + ranked.name + ": the method has one score, weight");
  return std::get<LinearScores>(e.scores).weight;
}

// Scores that a row gives, of the explained tokens.
std::vector<double> given_scores(const InputRow& row, const ExplainedText& text) {
  std::vector<double> given;
  if (!row.scores.empty())
    for (Index p : text.positions()) given.push_back(row.scores[static_cast<std::size_t>(p)]);
  return given;
}

struct Found {
  std::vector<std::vector<double>> values;  // of each metric, one a row
  QueryCost cost, metric_cost;              // of the explanations, of scoring them
};

void print(const std::vector<Ranked>& methods, const std::vector<const MetricInfo*>& metrics,
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
      output.write(JsonRow()
                       .field("method", methods[i].name)
                       .field("metric", metric.name)
                       .field("direction", name(metric.direction))
                       .field("unit", metric.unit)
                       .field("n", s.n)
                       .field("mean", s.mean)
                       .field("standard_error", s.standard_error)
                       .field("queries", found[i].cost.queries)
                       .field("unique_queries", found[i].cost.unique_queries)
                       .field("token_forwards", found[i].cost.token_forwards)
                       .field("metric_queries", found[i].metric_cost.queries)
                       .field("metric_unique_queries", found[i].metric_cost.unique_queries)
                       .field("metric_token_forwards", found[i].metric_cost.token_forwards)
                       .field("seed", common.seed)
                       .field("version", SLALOM_VERSION)
                       .str() +
                   "\n");
      table.add_row({methods[i].name, metric.name, name(metric.direction), metric.unit, std::to_string(s.n),
                     fixed(s.mean, 4), fixed(s.standard_error, 4)});
    }
  output.commit();
  if (!common.quiet) std::cerr << table.text();
}

int evaluate_rows(const cxxopts::ParseResult& parsed) {
  const CommonOptions common = read_common(parsed);
  std::vector<Ranked> methods;
  for (const std::string& word : split_list(parsed["methods"].as<std::string>()))
    methods.push_back(ranked(word));
  std::vector<const MetricInfo*> metrics;
  for (const std::string& word : split_list(parsed["metrics"].as<std::string>()))
    metrics.push_back(&metric_named(word));
  if (methods.empty() || metrics.empty())
    throw UsageError("--methods and --metrics, wanted one or more of each");
  for (const char* option : {"budget", "background", "short-length", "most-deleted", "as-published"})
    if (parsed.count(option) > 0 &&
        std::ranges::none_of(methods, [&](const Ranked& r) { return r.method->has(option); }))
      throw UsageError(
          text("--", option, " has no effect with --methods ", parsed["methods"].as<std::string>()));
  const OpenedClassifier classifier = open_classifier(parsed, common);
  ExplainOptions chosen = read_explain_options(parsed, common, classifier);
  if (chosen.held_out == 0) throw UsageError("--held-out 0, evaluate wants at least 1");
  const EvaluationOptions options{.step = integer_option(parsed, "step", 1, 1'000'000),
                                  .held_out = chosen.held_out,
                                  .absence = chosen.absence,
                                  .seed = common.seed};
  chosen.held_out = 0;  // fidelity is one of the metrics here
  std::vector<Found> found(methods.size(), {std::vector<std::vector<double>>(metrics.size()), {}});
  RowReader reader(common.input, classifier.limits);
  Progress progress(common.progress, "evaluate", 0);
  Index rows = 0;
  for (InputRow row; reader.next(row); progress.update(++rows)) {
    check_interrupt();
    with_row(common.input, row, [&] {
      const ExplainedText text = classifier.explained(row);
      const std::vector<double> given = given_scores(row, text);
      for (std::size_t i = 0; i < methods.size(); ++i) {
        const Explanation e = explain(*methods[i].method, *classifier.f, text,
                                      classifier.options_for(text, *methods[i].method, chosen));
        found[i].cost += e.cost;
        const QueryCost before = classifier.f->cost();
        for (std::size_t j = 0; j < metrics.size(); ++j)
          found[i].values[j].push_back(
              evaluate(*metrics[j], {e, scores_of(e, methods[i])}, *classifier.f, text, given, options));
        found[i].metric_cost += classifier.f->cost() - before;
      }
    });
  }
  if (rows == 0) throw Error(input_name(common.input) + ": found no rows to evaluate");
  progress.finish();
  print(methods, metrics, found, common);
  return 0;
}

}  // namespace

int run_evaluate(int argc, char** argv) {
  cxxopts::Options options = common_options(
      "evaluate", "Metrics of explanations: one JSON object a method and metric, a table on stderr.");
  const auto word = [](const char* fallback) {
    return cxxopts::value<std::string>()->default_value(fallback);
  };
  std::string names;
  for (const MetricInfo& m : metrics()) names += text(names.empty() ? "" : ", ", m.name);
  options.add_options()("methods",
                        "as `explain --method` has them; slalom-fidel:value ranks by one of its scores",
                        word("slalom-exact,slalom-fidel,linear-deletion"),
                        "A,B")("metrics", names, word("insertion,deletion,removal-mse,removal-rank"), "A,B")(
      "step", "tokens between two points of a curve", cxxopts::value<std::int64_t>()->default_value("1"),
      "N");
  add_classifier_options(options);
  add_explain_options(options);
  const auto parsed = parse_options(options, argc, argv);
  if (!parsed) return 0;
  return evaluate_rows(*parsed);
}

}  // namespace slalom
