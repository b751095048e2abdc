#include <algorithm>
#include <cmath>

#include "slalom/base/numbers.hpp"
#include "surrogates.hpp"

namespace slalom::surrogates {

namespace {

using experiment::number;

// Surrogate MSE × 100 of the published notebooks: means of 5 runs, or of 2 (4 and 8 layers).
struct PublishedRow {
  const char* model;
  double linear, gam, slalom;
};
constexpr PublishedRow kPublished[] = {
    {"distilbert_1", 28.3, 44.4, 10.8}, {"distilbert_2", 32.6, 53.9, 16.8},
    {"distilbert_4", 54.4, 85.4, 37.8}, {"distilbert_6", 31.5, 49.4, 17.3},
    {"distilbert_8", 16.3, 19.3, 7.3},  {"distilbert_12", 50.8, 71.6, 27.5},
    {"bert_1", 26.3, 43.3, 7.3},        {"bert_2", 28.4, 48.3, 9.9},
    {"bert_4", 64.1, 94.8, 34.5},       {"bert_6", 50.8, 68.2, 24.0},
    {"bert_8", 13.8, 16.5, 0.0},        {"bert_12", 44.6, 51.4, 18.8},
    {"gpt2_1", 20.3, 48.8, 16.9},       {"gpt2_2", 24.8, 54.3, 22.2},
    {"gpt2_4", 54.5, 68.9, 30.2},       {"gpt2_6", 32.7, 57.1, 21.6},
    {"gpt2_8", 61.1, 69.4, 40.3},       {"gpt2_12", 25.7, 54.4, 20.3}};

// The runs of one model, collapsed ones apart.
struct Group {
  std::string name, title;
  std::vector<const Json*> runs;
  Index collapsed = 0;

  std::vector<double> values(const std::function<double(const Json&)>& f) const {
    std::vector<double> list;
    for (const Json* run : runs) list.push_back(f(*run));
    return list;
  }
  // NaN, which holds nowhere, if every run has collapsed.
  double lowest(const std::function<double(const Json&)>& f) const {
    return runs.empty() ? NAN : std::ranges::min(values(f));
  }
  double highest(const std::function<double(const Json&)>& f) const {
    return runs.empty() ? NAN : std::ranges::max(values(f));
  }
};

std::vector<Group> group(const std::vector<Json>& models) {
  std::vector<Group> groups;
  for (const Json& model : models) {
    const std::string name = model["model"];
    if (groups.empty() || groups.back().name != name) groups.push_back({name, model["title"], {}});
    if (model["collapsed"])
      ++groups.back().collapsed;
    else
      groups.back().runs.push_back(&model);
  }
  return groups;
}

double mse(const Json& model, const std::string& surrogate) {
  return number(model["mse"][surrogate]);
}
double bound(const Json& model) {
  return number(model["bound"]);
}
double bound_over_half_range(const Json& model) {
  return bound(model) / number(model["half_range"]);
}

Table error_table(const std::vector<Group>& groups) {
  using enum Table::Align;
  std::vector<Table::Column> columns = {{"model"}, {"runs"}};
  for (const Surrogate& s : surrogates()) columns.push_back({s.title, right});
  columns.push_back({"[linear / GAM / SLALOM]", right});
  for (const char* header : {"proved bound", "of half range"}) columns.push_back({header, right});
  Table table(columns);
  for (const Group& g : groups) {
    std::vector<std::string> row = {g.title, std::to_string(g.runs.size())};
    if (g.collapsed > 0) row[1] += concat(" (", g.collapsed, " collapsed)");
    for (const Surrogate& s : surrogates())
      row.push_back(experiment::show_mean(g.values([&](const Json& m) { return 100 * mse(m, s.name); }), 1));
    const auto* published = std::ranges::find(kPublished, g.name, &PublishedRow::model);
    row.push_back(published == std::end(kPublished)
                      ? "-"
                      : concat(fixed(published->linear, 1), " / ", fixed(published->gam, 1), " / ",
                               fixed(published->slalom, 1)));
    row.push_back(experiment::show_mean(g.values(bound), 3));
    row.push_back(experiment::show_mean(g.values(bound_over_half_range), 2));
    table.add_row(row);
  }
  return table;
}

Table seconds_table(const std::vector<Json>& models) {
  Table table({{"surrogate"}, {"seconds a fit", Table::Align::right}});
  for (const Surrogate& s : surrogates()) {
    std::vector<double> seconds;
    seconds.reserve(models.size());
    for (const Json& model : models) seconds.push_back(number(model["seconds"][s.name]));
    table.add_row({s.title, experiment::show_mean(seconds, 3)});
  }
  return table;
}

double speed_up(const Json& fit) {
  return number(fit["published_seconds"]) / number(fit["seconds"]);
}

Table fits_table(const std::vector<Json>& fits) {
  using enum Table::Align;
  Table table({{"answers of"},
               {"queries"},
               {"texts", right},
               {"published fit"},
               {"MSE", right},
               {"[published]", right},
               {"seconds", right},
               {"[published]", right},
               {"speed-up", right}});
  for (const Json& f : fits)
    table.add_row({f["source"], f["queries"], f["texts"].dump(), f["published"],
                   significant(number(f["mse"]), 5), significant(number(f["published_mse"]), 5),
                   fixed(number(f["seconds"]), 3), fixed(number(f["published_seconds"]), 3),
                   fixed(speed_up(f), 1)});
  return table;
}

experiment::Estimates findings(const std::vector<Group>& groups, const std::vector<Json>& fits) {
  experiment::Estimates found;
  for (const Group& g : groups) {
    const auto put = [&](const std::string& name, const std::function<double(const Json&)>& f) {
      found[concat(g.name, ".", name)] = experiment::mean_over_runs(g.values(f));
      found[concat(g.name, ".", name, ".lowest")] = g.lowest(f);
      found[concat(g.name, ".", name, ".highest")] = g.highest(f);
    };
    const auto put_difference = [&](const std::string& one, const std::string& other) {
      put(concat(one, "_minus_", other), [&](const Json& m) { return mse(m, one) - mse(m, other); });
    };
    put_difference("slalom_published", "linear");
    put_difference("slalom_published", "gam_published");
    put_difference("linear", "gam_published");
    put_difference("gam", "linear");
    put_difference("slalom", "gam");
    put_difference("slalom_background", "linear");
    put_difference("slalom_background", "gam");
    put("bound", bound);
    put("bound_over_half_range", bound_over_half_range);
  }
  double largest = -INFINITY;
  for (const Json& f : fits) largest = std::max(largest, number(f["mse"]) - number(f["published_mse"]));
  if (!fits.empty()) found["fits.largest_mse_minus_published"] = largest;
  return found;
}

// One panel an architecture: mean squared errors of all runs, surrogates side by side.
std::vector<Panel> error_panels(const std::vector<Json>& models) {
  std::vector<Panel> panels;
  double deepest = 1;
  for (const Json& model : models) deepest = std::max(deepest, number(model["layers"]));
  for (const Json& model : models) {
    if (model["collapsed"]) continue;
    const std::string title = concat("errors, ", model["architecture"].get<std::string>());
    if (panels.empty() || panels.back().title != title) {
      panels.push_back({.title = title,
                        .x_label = "layers",
                        .y_label = "MSE (nats²)",
                        .curves = {},
                        .y_range = {},
                        .x_range = {{0.5, deepest + 0.5}},
                        .x_tick = 1});
      for (const Surrogate& s : surrogates())
        panels.back().curves.push_back({.label = s.title, .style = slalom::Curve::Style::points});
    }
    for (std::size_t i = 0; i < surrogates().size(); ++i) {
      slalom::Curve& curve = panels.back().curves[i];
      const double beside =
          0.1 * (static_cast<double>(i) - 0.5 * static_cast<double>(surrogates().size() - 1));
      curve.x.push_back(number(model["layers"]) + beside);
      curve.y.push_back(mse(model, surrogates()[i].name));
    }
  }
  return panels;
}

// Repeated "perfect": the model, what surrogates make of it, and the truth of the data; the first run of each
// architecture's shallowest model.
std::vector<Panel> repeat_panels(const std::vector<Json>& models) {
  std::vector<double> n, truth;
  for (Index i = 1; i <= kMostRepeats; ++i) {
    n.push_back(static_cast<double>(i));
    truth.push_back(kTrueSlope * n.back());
  }
  std::vector<Panel> panels;
  std::string architecture;
  for (const Json& model : models) {
    if (model["architecture"] == architecture || model["collapsed"]) continue;
    architecture = model["architecture"];
    Panel panel{
        .title = "repetitions, " + model["title"].get<std::string>(),
        .x_label = "n, repetitions of \"perfect\"",
        .y_label = "log-odds (nats)",
        .curves = {{.label = "truth: 1.5 n", .x = n, .y = truth, .style = slalom::Curve::Style::dashed},
                   {.label = "model", .x = n, .y = model["repeated"]["model"]}}};
    for (const Surrogate& s : surrogates())
      if (s.name == "linear" || s.name == "slalom" || s.name == "slalom_background")
        panel.curves.push_back({.label = s.title, .x = n, .y = model["repeated"][s.name]});
    panels.push_back(std::move(panel));
  }
  return panels;
}

Table curves_table(const std::vector<Json>& models) {
  Table table({{"model"}, {"run"}, {"n"}, {"curve"}, {"log_odds"}});
  for (const Json& model : models)
    for (const auto& [curve, values] : model["repeated"].items())
      for (std::size_t i = 0; i < values.size(); ++i)
        table.add_row(
            {model["model"], model["run"].dump(), std::to_string(i + 1), curve, shortest(number(values[i]))});
  return table;
}

}  // namespace

bool report(const std::vector<Json>& models, const std::vector<Json>& fits, const Options& options) {
  const std::vector<Group> groups = group(models);
  Figure figure{.title = "What describes a trained transformer", .panels = error_panels(models)};
  figure.columns = static_cast<int>(std::max<std::size_t>(1, figure.panels.size()));
  for (Panel& panel : repeat_panels(models)) figure.panels.push_back(std::move(panel));
  return experiment::publish(
      {.title = concat("Surrogates of trained transformers, size ", options.size),
       .sections =
           {{concat(
                 "Mean squared error × 100 (nats²) of surrogates fitted to ", options.fitted, " answers, on ",
                 options.scored,
                 " others: mean over runs ± standard error, the published numbers (means of 5 runs; of 2 for "
                 "4 and 8 layers) in brackets. The bound is "
                 "the distance (nats) of the model from every additive bag of words that a few texts prove."),
             error_table(groups)},
            {"Seconds of a fit:", seconds_table(models)},
            {"SLALOM without background, this library's least squares against the published ones on the same "
             "answers; "
             "MSE (nats²) over these answers:",
             fits_table(fits)}},
       .figure = std::move(figure),
       .curves = curves_table(models),
       .about = {{"fits", fits}},
       .records = models,
       .found = findings(groups, fits)},
      options);
}

}  // namespace slalom::surrogates
