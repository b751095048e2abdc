#include <algorithm>
#include <map>

#include "linear_study.hpp"
#include "slalom/base/files.hpp"
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
       {"runs", [](const Runs& m) { return std::to_string(m.records.size()); }},
       {"loss", shown(field("loss"), 3)},
       {"the", shown(field("log_odds_the"), 2)},
       {"perfect", shown(perfect(1), 2)},
       {"× 30", shown(perfect(kMostRepeats), 2)},
       {"slope 1-20", shown(field("slope_1_20"), 3)},
       {"of 1.5",
        [](const Runs& m) { return fixed(100 * m.mean(field("slope_1_20")) / kTrueSlope, 1) + " %"; }},
       {"slope 2-15", shown(field("slope_2_15"), 3)},
       {"range, n = 1 to 30", shown(field("range"), 2)},
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
Estimates findings(const std::vector<Runs>& models) {
  Estimates found;
  const Runs& network = *std::ranges::find_if(
      models, [](const Runs& model) { return model.name.starts_with("fully_connected"); });
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
      return *network.records.at(r["run"].get<std::size_t>());
    };
    put("slope_minus_network",
        [&](const Json& r) { return number(r["slope_2_15"]) - number(beside(r)["slope_2_15"]); });
    put("bound_over_half_range_minus_network",
        [&](const Json& r) { return bound_over_half_range(r) - bound_over_half_range(beside(r)); });
  }
  return found;
}

slalom::Curve curve_of(const std::string& label, const std::function<double(Index n)>& f,
                       slalom::Curve::Style style) {
  slalom::Curve curve{.label = label, .x = counts_to(kMostRepeats), .style = style};
  for (Index n = 1; n <= kMostRepeats; ++n) curve.y.push_back(f(n));
  return curve;
}

// The mean of the runs, and each of them as a line.
void add_curves(const Runs& model, const std::string& label, Panel& panel) {
  using enum slalom::Curve::Style;
  panel.curves.push_back(curve_of(
      label, [&](Index n) { return model.mean(perfect(n)); }, line_points));
  for (const Json* run : model.records)
    if (model.records.size() > 1)
      panel.curves.push_back(curve_of(
          label, [&](Index n) { return perfect(n)(*run); }, line));
}

// A panel with the shallowest transformers against the truth and the fully connected networks, and one for
// each depth, all of these alike.
Figure figure_of(const std::vector<Runs>& models) {
  const auto depth_of = [](const Runs& model) { return model.records.front()->at("layers").get<Index>(); };
  std::map<Index, Panel> depths;
  Panel truth;
  double low = 0, high = 1;
  for (const Runs& model : models)
    if (is_probed(model) && is_transformer(model)) {
      const std::string label = split(model.title, ',').front();
      add_curves(model, label, depths[depth_of(model)]);
      for (Index n = 1; n <= kMostRepeats; ++n) {
        low = std::min(low, model.lowest(perfect(n)));
        high = std::max(high, model.highest(perfect(n)));
      }
    }
  truth.title = "against the truth";
  truth.curves = {curve_of(
      "truth: 1.5 n", [](Index n) { return kTrueSlope * static_cast<double>(n); },
      slalom::Curve::Style::dashed)};
  const std::vector<slalom::Curve>& shallow = depths.begin()->second.curves;
  truth.curves.insert(truth.curves.end(), shallow.begin(), shallow.end());
  for (const Runs& model : models)
    if (is_probed(model) && !is_transformer(model)) add_curves(model, model.title, truth);
  Figure figure{.title = "What a classifier makes of a linear truth",
                .panels = {truth},
                .columns = depths.size() > 1 ? 3 : 2};
  for (auto& [layers, panel] : depths) {
    panel.title = concat(layers, layers == 1 ? " layer, enlarged" : " layers, enlarged");
    panel.y_range = {low - 0.5, high + 0.5};
    figure.panels.push_back(std::move(panel));
  }
  for (Panel& panel : figure.panels) {
    panel.x_label = "n, repetitions of \"perfect\"";
    panel.y_label = "log-odds (nats)";
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
  const Estimates found = findings(models);
  return publish(
      {.title = concat("Linear study, size ", options.size),
       .sections =
           {{"Log-odds (nats) of \"the\" and of \"perfect\" once and 30 times; least-squares slope over "
             "n repetitions against the true 1.5; the bound is a distance to every additive bag of words "
             "that three or four texts prove, the most they could be is half the range of the "
             "log-odds (estimated), and their exact log-odds are enclosed in intervals of this width. Flat: "
             "the slope is below a third of the true one.",
             probe_table(models)},
            {"Exact claims on models without positions:", claims_table(found)}},
       .figure = figure_of(models),
       .curves = curves_table(records),
       .records = records,
       .found = found},
      options);
}

}  // namespace slalom::linear_study
