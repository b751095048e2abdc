#include <algorithm>
#include <cmath>

#include "slalom/base/numbers.hpp"
#include "surrogates.hpp"

namespace slalom::surrogates {

using namespace experiment;

namespace {

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
struct Group : Runs {
  Index collapsed = 0;
};

bool has_collapsed(const Json& model) {
  return model["collapsed"];
}

std::vector<Group> groups_of(const std::vector<Json>& models) {
  std::vector<Group> groups;
  for (const Runs& runs : by_model(models)) {
    Group& group = groups.emplace_back(Group{runs});
    group.collapsed = std::erase_if(group.records, [](const Json* model) { return has_collapsed(*model); });
  }
  return groups;
}

NumberOf mse(const std::string& surrogate, double scale = 1) {
  return [=](const Json& model) { return scale * number(model["mse"][surrogate]); };
}

double bound_over_half_range(const Json& model) {
  return number(model["bound"]) / number(model["half_range"]);
}

std::string published_numbers(const Group& group) {
  const auto* row = std::ranges::find(kPublished, group.name, &PublishedRow::model);
  return row == std::end(kPublished)
             ? "-"
             : concat(fixed(row->linear, 1), " / ", fixed(row->gam, 1), " / ", fixed(row->slalom, 1));
}

Table error_table(const std::vector<Group>& groups) {
  std::vector<Column<Group>> columns = {
      {"model", [](const Group& g) { return g.title; }},
      {"runs", [](const Group& g) {
         return concat(g.records.size(), g.collapsed > 0 ? concat(" (", g.collapsed, " collapsed)") : "");
       }}};
  for (const Surrogate& s : surrogates())
    columns.push_back({s.title, [&](const Group& g) { return g.show(mse(s.name, 100), 1); }});
  columns.push_back({"[linear / GAM / SLALOM]", published_numbers});
  columns.push_back({"proved bound", [](const Group& g) { return g.show(field("bound"), 3); }});
  columns.push_back({"of half range", [](const Group& g) { return g.show(bound_over_half_range, 2); }});
  return table_of(groups, columns);
}

Table seconds_table(const std::vector<Json>& models) {
  Runs all;
  for (const Json& model : models) all.records.push_back(&model);
  return table_of<Surrogate>(surrogates(),
                             {{"surrogate", [](const Surrogate& s) { return s.title; }},
                              {"seconds a fit", [&](const Surrogate& s) {
                                 return all.show(
                                     [&](const Json& model) { return number(model["seconds"][s.name]); }, 3);
                               }}});
}

Table fits_table(const std::vector<Json>& fits) {
  return table_of<Json>(fits, {{"answers of", as_is("source")},
                               {"queries", as_is("queries"), Table::Align::left},
                               {"texts", as_is("texts")},
                               {"published fit", as_is("published"), Table::Align::left},
                               {"MSE", with_digits(field("mse"), 5)},
                               {"[published]", with_digits(field("published_mse"), 5)},
                               {"seconds", with_decimals(field("seconds"), 3)},
                               {"[published]", with_decimals(field("published_seconds"), 3)},
                               {"speed-up", [](const Json& fit) {
                                  return fixed(number(fit["published_seconds"]) / number(fit["seconds"]), 1);
                                }}});
}

Estimates findings(const std::vector<Group>& groups, const std::vector<Json>& fits) {
  constexpr std::pair<const char*, const char*> kCompared[] = {{"slalom_published", "linear"},
                                                               {"slalom_published", "gam_published"},
                                                               {"linear", "gam_published"},
                                                               {"gam", "linear"},
                                                               {"slalom", "gam"},
                                                               {"slalom_background", "linear"},
                                                               {"slalom_background", "gam"}};
  Estimates found;
  for (const Group& g : groups) {
    for (const auto& [one, other] : kCompared)
      add_estimates(
          g, concat(one, "_minus_", other),
          [&, one = one, other = other](const Json& m) { return mse(one)(m) - mse(other)(m); }, found);
    for (const Surrogate& s : surrogates()) add_estimates(g, "mse_" + s.name, mse(s.name), found);
    add_estimates(g, "bound", field("bound"), found);
    add_estimates(g, "bound_over_half_range", bound_over_half_range, found);
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
    if (has_collapsed(model)) continue;
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
      curve.y.push_back(mse(surrogates()[i].name)(model));
    }
  }
  return panels;
}

// Repeated "perfect": the model, what surrogates make of it, and the truth of the data; the first run of each
// architecture's shallowest model.
std::vector<Panel> repeat_panels(const std::vector<Json>& models) {
  const std::vector<double> n = counts_to(kMostRepeats);
  std::vector<double> truth;
  for (const double i : n) truth.push_back(kTrueSlope * i);
  std::vector<Panel> panels;
  std::string architecture;
  for (const Json& model : models) {
    if (model["architecture"] == architecture || has_collapsed(model)) continue;
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

int report(const std::vector<Json>& models, const std::vector<Json>& fits, const Settings& options) {
  const std::vector<Group> groups = groups_of(models);
  Figure figure{.title = "What describes a trained transformer", .panels = error_panels(models)};
  figure.columns = static_cast<int>(std::max<std::size_t>(1, figure.panels.size()));
  for (Panel& panel : repeat_panels(models)) figure.panels.push_back(std::move(panel));
  return publish(
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
