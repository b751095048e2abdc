#include <algorithm>
#include <cmath>

#include "slalom/base/numbers.hpp"
#include "slalom/metrics/metric.hpp"
#include "study.hpp"

namespace slalom::study {

namespace {

// The runs of one model.
struct Group {
  const Plan* plan;
  std::vector<const Record*> runs;

  std::vector<double> values(const std::function<double(const Record&)>& f) const {
    std::vector<double> of_runs;
    for (const Record* r : runs) of_runs.push_back(f(*r));
    return of_runs;
  }
  double mean(const std::function<double(const Record&)>& f) const { return summarise(values(f)).mean; }
  std::string show(const std::function<double(const Record&)>& f, int decimals) const {
    return experiment::show_mean(values(f), decimals);
  }
  Index collapsed() const {
    return std::ranges::count_if(runs, [](const Record* r) { return r->curve.collapsed(); });
  }
};

std::vector<Group> group(const std::vector<Record>& records) {
  std::vector<Group> groups;
  for (const Record& record : records) {
    auto found =
        std::ranges::find_if(groups, [&](const Group& g) { return g.plan->name == record.plan.name; });
    if (found == groups.end()) found = groups.insert(groups.end(), {&record.plan, {}});
    found->runs.push_back(&record);
  }
  return groups;
}

double perfect(const Record& r, Index n) {
  return r.curve.perfect[static_cast<std::size_t>(n - 1)];
}

double bound_over_half_range(const Probe& curve) {
  return curve.bound / curve.half_range;
}

std::string verdict(const Group& g) {
  if (g.collapsed() == static_cast<Index>(g.runs.size())) return "collapsed";
  const bool proven =
      std::ranges::all_of(g.runs, [](const Record* r) { return r->curve.collapsed() || r->curve.bound > 0; });
  const double slope = g.mean([](const Record& r) { return r.curve.slope_1_20; });
  std::string result = proven ? "not additive" : "no proof";
  result += slope < kTrueSlope / 3 ? ", flat" : ", rises";
  if (g.collapsed() > 0) result += concat(" (", g.collapsed(), " collapsed)");
  return result;
}

Table probe_table(const std::vector<Group>& groups) {
  using enum Table::Align;
  Table table({{"model"},
               {"loss", right},
               {"the", right},
               {"perfect", right},
               {"× 30", right},
               {"slope 1-20", right},
               {"of 1.5", right},
               {"slope 2-15", right},
               {"range", right},
               {"proved bound", right},
               {"of half range", right},
               {"width", right},
               {"verdict"}});
  for (const Group& g : groups) {
    if (!g.plan->probed) continue;
    const auto slope = [](const Record& r) { return r.curve.slope_1_20; };
    table.add_row({g.plan->title, g.show([](const Record& r) { return r.loss; }, 3),
                   g.show([](const Record& r) { return r.curve.the; }, 2),
                   g.show([](const Record& r) { return perfect(r, 1); }, 2),
                   g.show([](const Record& r) { return perfect(r, kMostRepeats); }, 2), g.show(slope, 3),
                   fixed(100 * g.mean(slope) / kTrueSlope, 1) + " %",
                   g.show([](const Record& r) { return r.curve.slope_2_15; }, 3),
                   g.show([](const Record& r) { return r.curve.range; }, 2),
                   g.show([](const Record& r) { return r.curve.bound; }, 3),
                   g.show([](const Record& r) { return bound_over_half_range(r.curve); }, 2),
                   significant(g.mean([](const Record& r) { return r.curve.width; }), 2), verdict(g)});
  }
  return table;
}

Table claims_table(const experiment::Estimates& found) {
  Table table({{"exact claim"}, {"found", Table::Align::right}});
  for (const auto& [name, estimate] : found)
    if (name.starts_with("claim_")) table.add_row({name, significant(estimate.value, 4)});
  return table;
}

// Every number that expected.tsv and the claims may speak of: the mean over runs, and the lowest and the
// highest run. A transformer stands beside the smallest fully connected network of the same run.
experiment::Estimates findings(const std::vector<Group>& groups, const Options& options) {
  experiment::Estimates found;
  const auto network = std::ranges::find_if(groups, [&](const Group& g) {
    return g.plan->probed && !g.plan->transformer && g.plan->hidden == options.sizes.hidden.front();
  });
  for (const Group& g : groups) {
    for (const auto& [name, value] : g.runs.front()->claims) found[name] = value;
    if (!g.plan->probed) continue;
    const auto put = [&](const char* what, const std::function<double(const Record&)>& f) {
      const std::string name = g.plan->name + "." + what;
      const std::vector<double> values = g.values(f);
      found[name] = experiment::mean_over_runs(values);
      found[name + ".lowest"] = std::ranges::min(values);
      found[name + ".highest"] = std::ranges::max(values);
    };
    put("perfect_1", [](const Record& r) { return perfect(r, 1); });
    put("rise_1_to_30", [](const Record& r) { return perfect(r, kMostRepeats) - perfect(r, 1); });
    put("slope_1_20", [](const Record& r) { return r.curve.slope_1_20; });
    put("slope_2_15", [](const Record& r) { return r.curve.slope_2_15; });
    put("bound", [](const Record& r) { return r.curve.bound; });
    put("bound_over_half_range", [](const Record& r) { return bound_over_half_range(r.curve); });
    put("enclosure_width", [](const Record& r) { return r.curve.width; });
    put("accuracy", [](const Record& r) { return r.accuracy; });
    if (!g.plan->transformer || network == groups.end()) continue;
    const auto beside = [&](const Record& r) -> const Probe& {
      return network->runs.at(static_cast<std::size_t>(r.plan.run))->curve;
    };
    put("slope_minus_network", [&](const Record& r) { return r.curve.slope_2_15 - beside(r).slope_2_15; });
    put("bound_over_half_range_minus_network",
        [&](const Record& r) { return bound_over_half_range(r.curve) - bound_over_half_range(beside(r)); });
  }
  return found;
}

slalom::Curve mean_curve(const Group& g) {
  slalom::Curve curve{.label = g.plan->title, .style = slalom::Curve::Style::line_points};
  for (Index n = 1; n <= kMostRepeats; ++n) {
    curve.x.push_back(static_cast<double>(n));
    curve.y.push_back(g.mean([&](const Record& r) { return perfect(r, n); }));
  }
  return curve;
}

slalom::Curve truth_curve() {
  slalom::Curve curve{.label = "truth: 1.5 n", .style = slalom::Curve::Style::dashed};
  for (Index n = 1; n <= kMostRepeats; ++n) {
    curve.x.push_back(static_cast<double>(n));
    curve.y.push_back(kTrueSlope * static_cast<double>(n));
  }
  return curve;
}

// One panel with everything against the truth; one an architecture where there are several depths, else one
// for all.
Figure figure_of(const std::vector<Group>& groups, const Options& options) {
  const char* x = "n, repetitions of \"perfect\"";
  const char* y = "log-odds (nats)";
  Figure figure{.title = "What a classifier makes of a linear truth", .panels = {}, .columns = 2};
  Panel all{.title = "against the truth", .x_label = x, .y_label = y, .curves = {truth_curve()}};
  std::vector<Panel> closer;
  const bool several = options.sizes.layers.size() > 1;
  for (const Group& g : groups) {
    if (!g.plan->probed) continue;
    const bool shown_with_all =
        !g.plan->transformer || g.plan->transformer->layers == options.sizes.layers.front();
    if (shown_with_all) all.curves.push_back(mean_curve(g));
    if (!g.plan->transformer) continue;
    const std::string title = several ? name(g.plan->transformer->architecture) : "transformers alone";
    if (closer.empty() || closer.back().title != title)
      closer.push_back({.title = title, .x_label = x, .y_label = y, .curves = {}});
    closer.back().curves.push_back(mean_curve(g));
  }
  figure.panels.push_back(std::move(all));
  for (Panel& panel : closer) figure.panels.push_back(std::move(panel));
  return figure;
}

Json model_json(const Record& r, const Options& options) {
  Json row = {{"model", r.plan.name}, {"title", r.plan.title}, {"run", r.plan.run}};
  row["seed"] = options.seed + static_cast<std::uint64_t>(r.plan.run);
  row["loss"] = r.loss;
  row["accuracy"] = r.accuracy;
  row["seconds"] = r.seconds;
  for (const auto& [name, value] : r.claims) row[name] = value;
  if (!r.plan.probed) return row;
  row["log_odds_the"] = r.curve.the;
  row["log_odds_perfect"] = r.curve.perfect;
  row["slope_1_20"] = r.curve.slope_1_20;
  row["slope_2_15"] = r.curve.slope_2_15;
  row["range"] = r.curve.range;
  row["spread"] = r.curve.spread;
  row["collapsed"] = r.curve.collapsed();
  row["bound"] = r.curve.bound;
  row["half_range"] = r.curve.half_range;
  row["enclosure_width"] = r.curve.width;
  row["witness"] = r.curve.witness;
  return row;
}

Table curves_table(const std::vector<Record>& records) {
  Table table({{"model"}, {"run"}, {"n"}, {"log_odds"}, {"truth"}});
  for (const Record& r : records)
    for (std::size_t i = 0; i < r.curve.perfect.size(); ++i) {
      const auto n = static_cast<double>(i + 1);
      table.add_row({r.plan.name, std::to_string(r.plan.run), shortest(n), shortest(r.curve.perfect[i]),
                     shortest(kTrueSlope * n)});
    }
  return table;
}

}  // namespace

bool report(const std::vector<Record>& records, const Options& options) {
  const std::vector<Group> groups = group(records);
  const experiment::Estimates found = findings(groups, options);
  std::vector<Json> models;
  models.reserve(records.size());
  for (const Record& r : records) models.push_back(model_json(r, options));
  return experiment::publish(
      {.title = concat("Linear study, size ", options.size, ", ", options.runs,
                       options.runs == 1 ? " run" : " runs"),
       .sections =
           {{"Log-odds (nats) of \"the\" and of \"perfect\" once and 30 times; least-squares slope over "
             "n repetitions against the true 1.5; the bound is a distance to every additive bag of words "
             "that three or four texts prove, the most they could be is half the range of the "
             "log-odds (estimated), and their exact log-odds are enclosed in intervals of this width.",
             probe_table(groups)},
            {"Exact claims on models without positions:", claims_table(found)}},
       .figure = figure_of(groups, options),
       .curves = curves_table(records),
       .about = {{"runs", options.runs}},
       .records = std::move(models),
       .found = found},
      options);
}

}  // namespace slalom::study
