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

constexpr int kFormat = 1;          // of the records
constexpr Index kMostRepeats = 10;  // of "perfect"
constexpr Index kTextWords = 10;    // of a random text; 2^10 coalitions are asked
constexpr Index kBatchRows = 4096;

struct Shapley : Options {
  std::string models;  // folder of the linear study's models
  Index texts;         // random ones
};

// --- games -----------------------------------------------------------------------------------------------

std::vector<double> shapley_values(BlackBox& f, const Text& bare, const SpecialTokens& special,
                                   TokenId replacement) {
  const ExplainedText text(wrap(bare, special), [&](TokenId id) { return special.is_special(id); });
  return exact_shapley(text.players(), coalition_values(f, text, {.replacement = replacement})).value;
}

Json repeated_words(BlackBox& f, const SpecialTokens& special, TokenId word, TokenId replacement) {
  Json curves;
  for (Index n = 1; n <= kMostRepeats; ++n) {
    const std::vector<double> values = shapley_values(f, repeated(word, n), special, replacement);
    curves["mean"].push_back(summarise(values).mean);
    curves["lowest"].push_back(std::ranges::min(values));
    curves["highest"].push_back(std::ranges::max(values));
  }
  return curves;
}

// The record {"model", "title", "repeated": {"mean", "lowest", "highest": (10) of the Shapley values of
// "perfect" among n of them}, "values", "weights": of the words of random texts, "correlation", "slope",
// "mean_absolute_error"} (nats).
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

// The record of a saved model of one layer, or of the fully connected one.
Json record_of(const std::string& name, const Shapley& options,
               const std::function<Json(const std::string& folder)>& compute) {
  const std::string folder = concat(options.models, "/", name, "_run0");
  if (!std::filesystem::is_directory(folder))
    throw Error(folder + ": found no such model", "make study trains it");
  const Json settings = {
      {"model", name}, {"weights", weights_of(folder)}, {"seed", options.seed}, {"texts", options.texts}};
  return finished(options, name, settings, [&](const Part&) { return compute(folder); });
}

// --- report ----------------------------------------------------------------------------------------------

double last_over_first(const Json& model) {
  const Json& mean = model["repeated"]["mean"];
  return number(mean.back()) / number(mean.front());
}

Table results_table(const std::vector<Json>& models) {
  std::vector<Column<Json>> columns = {{"model", as_is("title")}};
  for (const Index n : {1, 2, 5, 10})
    columns.push_back(
        {n == 1 ? "n = 1" : std::to_string(n), with_decimals(field(concat("repeated/mean/", n - 1)), 3)});
  columns.push_back({"10 over 1", with_decimals(last_over_first, 3)});
  columns.push_back({"correlation", with_decimals(field("correlation"), 3)});
  columns.push_back({"slope", with_decimals(field("slope"), 3)});
  columns.push_back({"mean error", with_decimals(field("mean_absolute_error"), 3)});
  return table_of(models, columns);
}

Estimates findings(const std::vector<Json>& models) {
  Estimates found;
  for (const Json& m : models) {
    const std::string name = m["model"];
    found[name + ".perfect_1"] = number(m["repeated"]["mean"].front());
    found[name + ".perfect_10"] = number(m["repeated"]["mean"].back());
    found[name + ".perfect_10_over_1"] = last_over_first(m);
    for (const char* field : {"correlation", "slope", "mean_absolute_error"})
      found[concat(name, ".", field)] = number(m[field]);
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
  Table table({{"model"}, {"n"}, {"mean"}, {"lowest"}, {"highest"}, {"truth"}});
  for (const Json& m : models)
    for (std::size_t i = 0; i < static_cast<std::size_t>(kMostRepeats); ++i) {
      std::vector<std::string> row = {m["model"], std::to_string(i + 1)};
      for (const char* curve : {"mean", "lowest", "highest"})
        row.push_back(shortest(number(m["repeated"][curve][i])));
      row.push_back(shortest(number(models.front()["repeated"]["mean"][i])));
      table.add_row(row);
    }
  return table;
}

int report(const std::vector<Json>& models, const Shapley& options) {
  return publish(
      {.title = concat("Shapley values of words, size ", options.size),
       .sections = {{concat(
                         "Exact Shapley values (nats), an absent word being replaced by \"the\": mean over "
                         "the words of the text [perfect … perfect] of n words; then, over the words of ",
                         options.texts, " random texts of ", kTextWords,
                         ", correlation with the true weights, slope of the least-squares line against "
                         "them, and mean absolute difference from them."),
                     results_table(models)}},
       .figure = figure_of(models),
       .curves = curves_table(models),
       .records = models,
       .found = findings(models)},
      options);
}

int run(const ParsedOptions& parsed) {
  Shapley options{read_options(parsed, "shapley", kFormat)};
  options.models = parsed["models"].word;
  const bool tiny = options.size == "tiny";
  options.texts = tiny ? 5 : 20;

  const BagOfWordsSource source(options.seed);
  FunctionBlackBox truth([&](std::span<const TokenId> text) { return source.log_odds(text); });
  std::vector<Json> records = {play("truth", "truth", truth, {}, options)};
  for (const Architecture architecture : kArchitectures) {
    const std::string model_name = concat(name(architecture), "_1");
    records.push_back(record_of(model_name, options, [&](const std::string& folder) {
      return play_model(model_name, title_of(architecture, 1), *load_model<float>(folder).model,
                        special_tokens_of(architecture, source), options);
    }));
  }
  records.push_back(
      record_of(tiny ? "fully_connected_32" : "fully_connected_200", options, [&](const std::string& folder) {
        return play_model("fully_connected", "fully connected", *load_fully_connected<float>(folder), {},
                          options);
      }));
  return is_shard(options) ? 0 : report(records, options);
}

}  // namespace

int main(int argc, char** argv) {
  return run_command(
      argc, argv,
      study("shapley", "Shapley values of repeated words (appendix A)",
            {{"models", "DIR", "out/linear_study/models", "folder of the linear study's models"}}, run));
}
