#include <algorithm>
#include <cmath>

#include "games.hpp"
#include "slalom/base/numbers.hpp"

namespace slalom::shapley {

namespace {

using experiment::number;

// 1, 2, …: how often "perfect" stands in the text.
std::vector<double> repeats() {
  std::vector<double> n;
  for (Index i = 1; i <= kMostRepeats; ++i) n.push_back(static_cast<double>(i));
  return n;
}

double last_over_first(const Json& model) {
  const Json& mean = model["repeated"]["mean"];
  return number(mean.back()) / number(mean.front());
}

Table results_table(const std::vector<Json>& models) {
  using enum Table::Align;
  std::vector<Table::Column> columns = {{"model"}};
  for (const char* header : {"n = 1", "2", "5", "10", "10 over 1", "correlation", "slope", "mean error"})
    columns.push_back({header, right});
  Table table(columns);
  for (const Json& m : models) {
    std::vector<std::string> row = {m["title"]};
    for (const std::size_t n : {1, 2, 5, 10}) row.push_back(fixed(number(m["repeated"]["mean"][n - 1]), 3));
    row.push_back(fixed(last_over_first(m), 3));
    for (const char* field : {"correlation", "slope", "mean_absolute_error"})
      row.push_back(fixed(number(m[field]), 3));
    table.add_row(row);
  }
  return table;
}

experiment::Estimates findings(const std::vector<Json>& models) {
  experiment::Estimates found;
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
  const std::vector<double> n = repeats();
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
    repeated.curves.push_back(
        {.label = title, .x = n, .y = m["repeated"]["mean"], .style = truth ? dashed : line_points});
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

}  // namespace

bool report(const std::vector<Json>& models, const Options& options) {
  return experiment::publish(
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

}  // namespace slalom::shapley
