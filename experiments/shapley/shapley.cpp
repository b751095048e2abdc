// Shapley values of words for models of a linear truth (paper, appendix A): an absent word is replaced by
// "the", which weighs 0, so that of the truth itself every word's Shapley value is its weight.
#include <algorithm>
#include <cmath>
#include <filesystem>

#include "../support/models.hpp"
#include "slalom/base/correlation.hpp"
#include "slalom/base/numbers.hpp"
#include "slalom/explain/explained_text.hpp"
#include "slalom/explain/shapley.hpp"
#include "slalom/metrics/metric.hpp"
#include "slalom/model_io/fully_connected_folder.hpp"
#include "slalom/model_io/model_folder.hpp"

namespace {

using namespace slalom;
using namespace slalom::experiment;

constexpr int kFormat = 2;          // of the records
constexpr Index kMostRepeats = 10;  // of "perfect"
constexpr Index kTextWords = 10;    // of a random text; 2^10 coalitions are asked
constexpr Index kBatchRows = 4096;
constexpr Index kPublishedSamples = 500;  // of kernel SHAP

struct Shapley : Options {
  std::string models;  // folder of the linear study's models
  Index texts;         // random ones
};

// --- games -----------------------------------------------------------------------------------------------

// Exact, or kernel SHAP's from so many samples.
std::vector<double> shapley_values(BlackBox& f, const Text& bare, const SpecialTokens& special,
                                   TokenId replacement, std::optional<Index> samples = {}) {
  const ExplainedText text(wrap(bare, special), [&](TokenId id) { return special.is_special(id); });
  const ValueFunction values = coalition_values(f, text, {.replacement = replacement});
  return (samples ? kernel_shapley(text.players(), values, *samples, 0)
                  : exact_shapley(text.players(), values))
      .value;
}

Json repeated_words(BlackBox& f, const SpecialTokens& special, TokenId word, TokenId replacement) {
  Json curves;
  for (Index n = 1; n <= kMostRepeats; ++n) {
    const std::vector<double> values = shapley_values(f, repeated(word, n), special, replacement);
    curves["mean"].push_back(summarise(values).mean);
    curves["kernel_mean"].push_back(
        summarise(shapley_values(f, repeated(word, n), special, replacement, kPublishedSamples)).mean);
    curves["lowest"].push_back(std::ranges::min(values));
    curves["highest"].push_back(std::ranges::max(values));
  }
  return curves;
}

// The record {"model", "title", "run", "repeated": {"mean", "lowest", "highest", "kernel_mean": (10) of the
// Shapley values of "perfect" among n of them}, "values", "weights": of the words of random texts,
// "correlation", "slope", "mean_absolute_error"} (nats).
Json play(const std::string& name, const std::string& title, BlackBox& f, const SpecialTokens& special,
          const Shapley& options) {
  const BagOfWordsSource source(options.seed, LengthDistribution::fixed);
  const TokenId replacement = source.vocabulary().find("the").value(),
                perfect = source.vocabulary().find("perfect").value();
  Json record = {{"model", name}, {"title", title}};
  record["repeated"] = repeated_words(f, special, perfect, replacement);

  std::vector<double> values, weights;
  for (Text text : fresh_texts(source, options.texts)) {
    text.resize(kTextWords);
    const std::vector<double> some = shapley_values(f, text, special, replacement);
    values.insert(values.end(), some.begin(), some.end());
    for (const TokenId word : text) weights.push_back(source.log_odds({&word, 1}));
  }
  double error = 0;
  for (std::size_t i = 0; i < values.size(); ++i)
    error += std::abs(values[i] - weights[i]) / static_cast<double>(values.size());
  const double correlation = pearson(values, weights);
  record["correlation"] = correlation;
  // Of the least-squares line: r times the ratio of the standard deviations.
  record["slope"] = correlation * summarise(values).standard_error / summarise(weights).standard_error;
  record["mean_absolute_error"] = error;
  record["values"] = values;
  record["weights"] = weights;
  return record;
}

Json play_model(const std::string& name, const std::string& title, TextClassifier<float>& model,
                const SpecialTokens& special, const Shapley& options) {
  ModelBlackBox<float> f(model, 1, kBatchRows);
  return play(name, title, f, special, options);
}

// Adds the records of all runs of a saved model, if there are any.
bool add_runs(const std::string& name, const Shapley& options,
              const std::function<Json(const std::string& folder)>& compute, std::vector<Json>& records) {
  Index run = 0;
  for (;; ++run) {
    const std::string folder = concat(options.models, "/", name, "_run", run);
    if (!std::filesystem::is_directory(folder)) return run > 0;
    const Json settings = {
        {"model", name}, {"weights", weights_of(folder)}, {"seed", options.seed}, {"texts", options.texts}};
    records.push_back(
        finished(options, concat(name, "_run", run), settings, [&](const Part&) { return compute(folder); }));
    records.back()["run"] = run;
  }
}

// --- report ----------------------------------------------------------------------------------------------

double last_over_first(const Json& model) {
  const Json& mean = model["repeated"]["mean"];
  return number(mean.back()) / number(mean.front());
}

Table results_table(const std::vector<Runs>& models) {
  std::vector<Column<Runs>> columns = {
      {"model", [](const Runs& m) { return m.title; }},
      {"runs", [](const Runs& m) { return std::to_string(m.records.size()); }}};
  const auto add = [&](const std::string& header, const NumberOf& of) {
    columns.push_back({header, [=](const Runs& m) { return m.show(of, 3); }});
  };
  for (const Index n : {1, 2, 5, 10})
    add(n == 1 ? "n = 1" : std::to_string(n), field(concat("repeated/mean/", n - 1)));
  add("10, kernel SHAP", field(concat("repeated/kernel_mean/", kMostRepeats - 1)));
  add("10 over 1", last_over_first);
  add("correlation", field("correlation"));
  add("slope", field("slope"));
  add("mean error", field("mean_absolute_error"));
  return table_of(models, columns);
}

Estimates findings(const std::vector<Runs>& models) {
  Estimates found;
  for (const Runs& m : models) {
    add_estimates(m, "perfect_1", field("repeated/mean/0"), found);
    add_estimates(m, "perfect_10", field(concat("repeated/mean/", kMostRepeats - 1)), found);
    add_estimates(m, "perfect_10_over_1", last_over_first, found);
    for (const char* name : {"correlation", "slope", "mean_absolute_error"})
      add_estimates(m, name, field(name), found);
  }
  return found;
}

Figure figure_of(const std::vector<Json>& models) {
  Panel repeated{.title = "\"perfect\" among n of them",
                 .x_label = "n",
                 .y_label = "mean Shapley value (nats)",
                 .curves = {}},
      scatter{.title = "words of random texts",
              .x_label = "true weight (nats)",
              .y_label = "Shapley value (nats)",
              .curves = {}};
  for (const Json& m : models) {
    using enum slalom::Curve::Style;
    const bool truth = m["model"] == "truth";
    const std::string title = m["title"];
    if (m.value("run", 0) > 0) continue;  // one run of each model
    repeated.curves.push_back({.label = title,
                               .x = counts_to(kMostRepeats),
                               .y = m["repeated"]["mean"],
                               .style = truth ? dashed : line_points});
    scatter.curves.push_back(
        {.label = title, .x = m["weights"], .y = m["values"], .style = truth ? dashed : points});
  }
  return {.title = "Shapley values of words", .panels = {repeated, scatter}, .columns = 2};
}

Table curves_table(const std::vector<Json>& models) {
  Table table({{"model"}, {"run"}, {"n"}, {"mean"}, {"lowest"}, {"highest"}, {"truth"}});
  for (const Json& m : models)
    for (std::size_t i = 0; i < static_cast<std::size_t>(kMostRepeats); ++i) {
      std::vector<std::string> row = {m["model"], std::to_string(m.value("run", 0)), std::to_string(i + 1)};
      for (const char* curve : {"mean", "lowest", "highest"})
        row.push_back(shortest(number(m["repeated"][curve][i])));
      row.push_back(shortest(number(models.front()["repeated"]["mean"][i])));
      table.add_row(row);
    }
  return table;
}

int report(const std::vector<Json>& records, const Shapley& options) {
  const std::vector<Runs> models = by_model(records);
  return publish(
      {.title = concat("Shapley values of words, size ", options.size),
       .sections = {{concat(
                         "Exact Shapley values (nats), an absent word being replaced by \"the\": mean over "
                         "the words of the text [perfect … perfect] of n words; then, over the words of ",
                         options.texts, " random texts of ", kTextWords,
                         ", correlation with the true weights, slope of the least-squares line against "
                         "them, and mean absolute difference from them."),
                     results_table(models)}},
       .figure = figure_of(records),
       .curves = curves_table(records),
       .records = records,
       .found = findings(models)},
      options);
}

int run(const ParsedOptions& parsed) {
  Shapley options{read_options(parsed, "shapley", kFormat)};
  options.models = parsed["models"].word;
  const bool tiny = options.size == "tiny";
  options.texts = tiny ? 5 : 20;

  if (!options.recorded.is_null()) return report(recorded_list(options, "models"), options);

  const BagOfWordsSource source(options.seed);
  FunctionBlackBox truth([&](std::span<const TokenId> text) { return source.log_odds(text); });
  std::vector<Json> records = {play("truth", "truth", truth, {}, options)};
  bool any = false;
  for (const Architecture architecture : kArchitectures)
    for (const Index layers : {1, 2}) {
      const std::string model_name = concat(name(architecture), "_", layers);
      const auto play_saved = [&](const std::string& folder) {
        return play_model(model_name, title_of(architecture, layers), *load_model<float>(folder).model,
                          special_tokens_of(architecture, source), options);
      };
      any |= add_runs(model_name, options, play_saved, records);
    }
  for (const Index hidden : {32, 200, 400}) {
    const std::string model_name = concat("fully_connected_", hidden);
    const auto play_network = [&](const std::string& folder) {
      return play_model(model_name, concat("fully connected, ", hidden), *load_fully_connected<float>(folder),
                        {}, options);
    };
    any |= add_runs(model_name, options, play_network, records);
  }
  if (!any) throw Error(options.models + ": found no model of one or two layers", "make study trains them");
  return is_shard(options) ? 0 : report(records, options);
}

}  // namespace

int main(int argc, char** argv) {
  return run_command(
      argc, argv,
      study("shapley", "Shapley values of repeated words (appendix A)",
            {{"models", "DIR", "out/linear_study/models", "folder of the linear study's models"}}, run));
}
