#include <algorithm>

#include "linear_study.hpp"
#include "slalom/base/numbers.hpp"

namespace slalom::linear_study {

using namespace experiment;

namespace {

// The log-odds of n times "perfect".
NumberOf perfect(Index n) {
  return [n](const Json& r) { return number(r["log_odds_perfect"][static_cast<std::size_t>(n - 1)]); };
}

bool is_probed(const Runs& model) {
  return model.records.front()->contains("log_odds_perfect");
}

bool is_transformer(const Runs& model) {
  return model.records.front()->contains("layers");
}

double bound_over_half_range(const Json& r) {
  return number(r["bound"]) / number(r["half_range"]);
}

std::string verdict(const Runs& model) {
  const auto collapsed = [](const Json* r) { return (*r)["collapsed"].get<bool>(); };
  const Index lost = std::ranges::count_if(model.records, collapsed);
  if (lost == std::ssize(model.records)) return "collapsed";
  const bool proven = std::ranges::all_of(
      model.records, [&](const Json* r) { return collapsed(r) || number((*r)["bound"]) > 0; });
  return concat(proven ? "not additive" : "no proof",
                model.mean(field("slope_1_20")) < kTrueSlope / 3 ? ", flat" : ", rises",
                lost > 0 ? concat(" (", lost, " collapsed)") : "");
}

Table probe_table(std::vector<Runs> models) {
  std::erase_if(models, [](const Runs& m) { return !is_probed(m); });
  const auto shown = [](const NumberOf& of, int decimals) {
    return [=](const Runs& m) { return m.show(of, decimals); };
  };
  return table_of<Runs>(
      models,
      {{"model", [](const Runs& m) { return m.title; }},
       {"loss", shown(field("loss"), 3)},
       {"the", shown(field("log_odds_the"), 2)},
       {"perfect", shown(perfect(1), 2)},
       {"× 30", shown(perfect(kMostRepeats), 2)},
       {"slope 1-20", shown(field("slope_1_20"), 3)},
       {"of 1.5",
        [](const Runs& m) { return fixed(100 * m.mean(field("slope_1_20")) / kTrueSlope, 1) + " %"; }},
       {"slope 2-15", shown(field("slope_2_15"), 3)},
       {"rise, n = 1 to 30", shown(field("range"), 2)},
       {"proved bound", shown(field("bound"), 3)},
       {"of half range", shown(bound_over_half_range, 2)},
       {"width", [](const Runs& m) { return significant(m.mean(field("enclosure_width")), 2); }},
       {"verdict", verdict, Table::Align::left}});
}

Table claims_table(const Estimates& found) {
  Table table({{"exact claim"}, {"found", Table::Align::right}});
  for (const auto& [name, estimate] : found)
    if (name.starts_with("claim_")) table.add_row({name, significant(estimate.value, 4)});
  return table;
}

// Every number that expected.tsv and the claims may speak of. A transformer stands beside the smallest fully
// connected network of the same run.
Estimates findings(const std::vector<Runs>& models, const Settings& options) {
  Estimates found;
  const auto network =
      std::ranges::find(models, concat("fully_connected_", options.sizes.hidden.front()), &Runs::name);
  for (const Runs& model : models) {
    for (const auto& [name, value] : model.records.front()->items())
      if (name.starts_with("claim_")) found[name] = number(value);
    if (!is_probed(model)) continue;
    const auto put = [&](const char* what, const NumberOf& of) { add_estimates(model, what, of, found); };
    put("perfect_1", perfect(1));
    put("rise_1_to_30", [](const Json& r) { return perfect(kMostRepeats)(r) - perfect(1)(r); });
    put("slope_1_20", field("slope_1_20"));
    put("slope_2_15", field("slope_2_15"));
    put("bound", field("bound"));
    put("bound_over_half_range", bound_over_half_range);
    put("enclosure_width", field("enclosure_width"));
    put("accuracy", field("accuracy"));
    if (!is_transformer(model)) continue;
    const auto beside = [&](const Json& r) -> const Json& {
      return *network->records.at(r["run"].get<std::size_t>());
    };
    put("slope_minus_network",
        [&](const Json& r) { return number(r["slope_2_15"]) - number(beside(r)["slope_2_15"]); });
    put("bound_over_half_range_minus_network",
        [&](const Json& r) { return bound_over_half_range(r) - bound_over_half_range(beside(r)); });
  }
  return found;
}

slalom::Curve mean_curve(const Runs& model) {
  slalom::Curve curve{
      .label = model.title, .x = counts_to(kMostRepeats), .style = slalom::Curve::Style::line_points};
  for (Index n = 1; n <= kMostRepeats; ++n) curve.y.push_back(model.mean(perfect(n)));
  return curve;
}

slalom::Curve truth_curve() {
  slalom::Curve curve{
      .label = "truth: 1.5 n", .x = counts_to(kMostRepeats), .style = slalom::Curve::Style::dashed};
  for (const double n : curve.x) curve.y.push_back(kTrueSlope * n);
  return curve;
}

// One panel with everything against the truth; one an architecture where there are several depths, else one
// for all.
Figure figure_of(const std::vector<Runs>& models, const Settings& options) {
  const char* x = "n, repetitions of \"perfect\"";
  const char* y = "log-odds (nats)";
  Figure figure{
      .title = "What a classifier makes of a linear truth",
      .panels = {{.title = "against the truth", .x_label = x, .y_label = y, .curves = {truth_curve()}}},
      .columns = 2};
  const bool several = options.sizes.layers.size() > 1;
  for (const Runs& model : models) {
    if (!is_probed(model)) continue;
    const Json& record = *model.records.front();
    if (!is_transformer(model) || record["layers"] == options.sizes.layers.front())
      figure.panels.front().curves.push_back(mean_curve(model));
    if (!is_transformer(model)) continue;
    const std::string title = several ? record["architecture"].get<std::string>() : "transformers alone";
    if (figure.panels.back().title != title)
      figure.panels.push_back({.title = title, .x_label = x, .y_label = y, .curves = {}});
    figure.panels.back().curves.push_back(mean_curve(model));
  }
  return figure;
}

Table curves_table(const std::vector<Json>& records) {
  Table table({{"model"}, {"run"}, {"n"}, {"log_odds"}, {"truth"}});
  for (const Json& r : records)
    if (r.contains("log_odds_perfect"))
      for (Index n = 1; n <= kMostRepeats; ++n)
        table.add_row({r["model"], r["run"].dump(), std::to_string(n), shortest(perfect(n)(r)),
                       shortest(kTrueSlope * static_cast<double>(n))});
  return table;
}

}  // namespace

int report(const std::vector<Json>& records, const Settings& options) {
  const std::vector<Runs> models = by_model(records);
  const Estimates found = findings(models, options);
  return publish(
      {.title = concat("Linear study, size ", options.size, ", ", options.runs,
                       options.runs == 1 ? " run" : " runs"),
       .sections =
           {{"Log-odds (nats) of \"the\" and of \"perfect\" once and 30 times; least-squares slope over "
             "n repetitions against the true 1.5; the bound is a distance to every additive bag of words "
             "that three or four texts prove, the most they could be is half the range of the "
             "log-odds (estimated), and their exact log-odds are enclosed in intervals of this width.",
             probe_table(models)},
            {"Exact claims on models without positions:", claims_table(found)}},
       .figure = figure_of(models, options),
       .curves = curves_table(records),
       .about = {{"runs", options.runs}},
       .records = records,
       .found = found},
      options);
}

}  // namespace slalom::linear_study
