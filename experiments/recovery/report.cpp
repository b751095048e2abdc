#include <algorithm>
#include <cmath>

#include "recovery.hpp"
#include "slalom/base/numbers.hpp"

namespace slalom::recovery {

namespace {

using experiment::number;

// Root mean squared errors of the log-odds of one batch of 32 texts of the published fit; of values and
// importances none is published.
constexpr std::pair<Index, double> kPublished[] = {{16, .0483}, {32, .0707}, {64, .0785}, {200, .1443}};

Table truth_table(const std::vector<Json>& truths) {
  using enum Table::Align;
  std::vector<Table::Column> columns = {{"words", right}};
  for (const char* how : {"fitted", "identified", "published fit"})
    for (const char* what : {"values", "importances"}) columns.push_back({concat(how, ", ", what), right});
  for (const char* header : {"queries of identification", "seconds, fit", "[published]"})
    columns.push_back({header, right});
  Table table(columns);
  for (const Json& r : truths) {
    std::vector<std::string> row = {r["words"].dump()};
    for (const char* how : {"fitted", "identified", "published"})
      for (const char* what : {"value_rmse", "importance_rmse"})
        row.push_back(significant(number(r[how][what]), 2));
    row.push_back(r["identified"]["queries"].dump());
    for (const char* how : {"fitted", "published"}) row.push_back(fixed(number(r[how]["seconds"]), 3));
    table.add_row(row);
  }
  return table;
}

Table transformer_table(const std::vector<Json>& transformers) {
  using enum Table::Align;
  std::vector<Table::Column> columns = {
      {"words", right}, {"loss", right}, {"plain, log-odds", right}, {"[published, one batch]", right}};
  for (const char* fit : {"plain", "background"})
    for (const char* what : {"values", "r", "importances", "r"})
      columns.push_back({concat(fit, ", ", what), right});
  Table table(columns);
  for (const Json& r : transformers) {
    const auto* published =
        std::ranges::find(kPublished, r["words"].get<Index>(), &std::pair<Index, double>::first);
    std::vector<std::string> row = {r["words"].dump(), fixed(number(r["loss"]), 4),
                                    fixed(std::sqrt(number(r["plain"]["mse"])), 3),
                                    published == std::end(kPublished) ? "-" : fixed(published->second, 3)};
    for (const char* fit : {"plain", "background"})
      for (const char* what :
           {"value_rmse", "value_correlation", "importance_rmse", "importance_correlation"})
        row.push_back(fixed(number(r[fit][what]), 3));
    table.add_row(row);
  }
  return table;
}

experiment::Estimates findings(const std::vector<Json>& truths, const std::vector<Json>& transformers) {
  experiment::Estimates found;
  const auto put = [&](const Json& record, const char* fit) {
    const std::string prefix = concat("words_", record["words"].dump(), ".", fit, ".");
    for (const auto& [what, value] : record[fit].items())
      if (what.ends_with("_correlation"))
        found[prefix + what] = experiment::correlation_over(number(value), std::ssize(record[fit]["word"]));
      else if (!value.is_array())
        found[prefix + what] = number(value);
  };
  for (const Json& r : truths)
    for (const char* fit : {"fitted", "identified", "published"}) put(r, fit);
  for (const Json& r : transformers)
    for (const char* fit : {"plain", "background"}) {
      put(r, fit);
      found[concat("words_", r["words"].dump(), ".", fit, ".log_odds_rmse")] =
          std::sqrt(number(r[fit]["mse"]));
    }
  return found;
}

Panel error_panel(const std::vector<Json>& transformers) {
  Panel panel{
      .title = "from transformers", .x_label = "words", .y_label = "RMSE", .curves = {}, .log_x = true};
  for (const char* fit : {"plain", "background"})
    for (const auto& [what, title] :
         {std::pair{"value_rmse", "values (nats)"}, std::pair{"importance_rmse", "importances"}}) {
      slalom::Curve curve{.label = concat(title, ", ", fit), .style = slalom::Curve::Style::line_points};
      for (const Json& r : transformers) {
        curve.x.push_back(number(r["words"]));
        curve.y.push_back(number(r[fit][what]));
      }
      panel.curves.push_back(std::move(curve));
    }
  // Near the affine limit the values of a fit with background grow without bound: those are cut off.
  double highest = 0;
  for (std::size_t i = 0; i < 2; ++i) highest = std::max(highest, std::ranges::max(panel.curves[i].y));
  panel.y_range = {0, 1.2 * highest};
  return panel;
}

// Fitted against true numbers, a point a word.
Panel scatter_panel(const Json& truth, const Json& transformer, const std::string& what, const char* unit) {
  const std::vector<double> all = truth["fitted"]["true_" + what];
  const auto [low, high] = std::ranges::minmax(all);
  Panel panel{
      .title = concat(what, "s of ", truth["words"].dump(), " words"),
      .x_label = concat("true", unit),
      .y_label = concat("fitted", unit),
      .curves = {
          {.label = "equal", .x = {low, high}, .y = {low, high}, .style = slalom::Curve::Style::dashed}}};
  for (const auto& [fit, label] : {std::pair{&truth["fitted"], "from the truth"},
                                   std::pair{&transformer["plain"], "from a transformer"}})
    panel.curves.push_back({.label = label,
                            .x = (*fit)["true_" + what],
                            .y = (*fit)[what],
                            .style = slalom::Curve::Style::points});
  return panel;
}

Table curves_table(const std::vector<Json>& truths, const std::vector<Json>& transformers) {
  Table table({{"words"}, {"fit"}, {"word"}, {"true_value"}, {"value"}, {"true_importance"}, {"importance"}});
  const auto add = [&](const Json& record, const char* name) {
    const Json& fit = record[name];
    for (std::size_t k = 0; k < fit["word"].size(); ++k) {
      std::vector<std::string> row = {record["words"].dump(), name, fit["word"][k]};
      for (const char* what : {"true_value", "value", "true_importance", "importance"})
        row.push_back(shortest(number(fit[what][k])));
      table.add_row(row);
    }
  };
  for (std::size_t i = 0; i < truths.size(); ++i) {
    for (const char* name : {"fitted", "identified", "published"}) add(truths[i], name);
    for (const char* name : {"plain", "background"}) add(transformers[i], name);
  }
  return table;
}

// The scatter plots are of this many words, or the largest number below.
constexpr Index kScattered = 64;

}  // namespace

bool report(const std::vector<Json>& truths, const std::vector<Json>& transformers, const Options& options) {
  const auto shown = std::ranges::count_if(options.sizes.counts, [](Index n) { return n <= kScattered; }) - 1;
  const Json &truth = truths.at(static_cast<std::size_t>(shown)),
             &transformer = transformers.at(static_cast<std::size_t>(shown));
  return experiment::publish(
      {.title = concat("Recovery of a SLALOM, size ", options.size),
       .sections =
           {{"From transformers: root mean squared error of the fitted SLALOM's log-odds (nats) on the texts "
             "that it was fitted to, beside the published one of a single batch of them; then of values "
             "(nats) "
             "and centred importances against the SLALOM that made the training texts, and correlations r; "
             "fits without and with background.",
             transformer_table(transformers)},
            {"From the truth's own answers: the same errors of the least-squares fit, of identification from "
             "2 |V| - 1 answers, and of the published optimiser.",
             truth_table(truths)}},
       .figure = {.title = "Is the SLALOM found that made the data?",
                  .panels = {error_panel(transformers), scatter_panel(truth, transformer, "value", ", nats"),
                             scatter_panel(truth, transformer, "importance", "")},
                  .columns = 3},
       .curves = curves_table(truths, transformers),
       .about = {{"truths", truths}},
       .records = transformers,
       .found = findings(truths, transformers)},
      options);
}

}  // namespace slalom::recovery
