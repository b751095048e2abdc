#include <algorithm>
#include <cmath>
#include <iostream>

#include "slalom/base/files.hpp"
#include "slalom/base/json.hpp"
#include "slalom/base/numbers.hpp"
#include "slalom/kernels/gemm.hpp"
#include "slalom/report/expected.hpp"
#include "slalom/report/figure.hpp"
#include "slalom/report/table.hpp"
#include "study.hpp"

namespace slalom::study {

namespace {

// The runs of one model.
struct Group {
  const Plan* plan;
  std::vector<const Record*> runs;

  double mean(const std::function<double(const Record&)>& f) const {
    double sum = 0;
    for (const Record* r : runs) sum += f(*r);
    return sum / static_cast<double>(runs.size());
  }
  // Standard error of the mean; 0 for a single run.
  double error(const std::function<double(const Record&)>& f) const {
    if (runs.size() < 2) return 0;
    const double m = mean(f), n = static_cast<double>(runs.size());
    double squares = 0;
    for (const Record* r : runs) squares += (f(*r) - m) * (f(*r) - m);
    return std::sqrt(squares / (n - 1) / n);
  }
  std::string show(const std::function<double(const Record&)>& f, int decimals) const {
    const std::string value = fixed(mean(f), decimals);
    return runs.size() < 2 ? value : value + " ± " + fixed(error(f), decimals);
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

std::string verdict(const Group& g) {
  if (g.collapsed() == static_cast<Index>(g.runs.size())) return "collapsed";
  const bool proven = std::ranges::all_of(g.runs, [](const Record* r) {
    return r->curve.collapsed() || r->curve.bound > 10 * r->curve.rounding_error;
  });
  const double slope = g.mean([](const Record& r) { return r.curve.slope_1_20; });
  std::string result = proven ? "not additive" : "no proof";
  result += slope < kTrueSlope / 3 ? ", flat" : ", rises";
  if (g.collapsed() > 0) result += text(" (", g.collapsed(), " collapsed)");
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
               {"bound", right},
               {"rounding", right},
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
                   significant(g.mean([](const Record& r) { return r.curve.rounding_error; }), 2),
                   verdict(g)});
  }
  return table;
}

Table claims_table(const std::map<std::string, double>& found) {
  Table table({{"exact claim"}, {"found", Table::Align::right}});
  for (const auto& [name, value] : found)
    if (name.starts_with("claim_")) table.add_row({name, significant(value, 4)});
  return table;
}

// Every number that expected.tsv may speak of.
std::map<std::string, double> findings(const std::vector<Group>& groups, const Options& options) {
  std::map<std::string, double> found;
  double steepest_transformer = 0, fully_connected = 0;  // the network of Figure 3 is the smallest one
  for (const Group& g : groups) {
    for (const auto& [name, value] : g.runs.front()->claims) found[name] = value;
    if (!g.plan->probed) continue;
    const auto put = [&](const char* what, const std::function<double(const Record&)>& f) {
      found[g.plan->name + "." + what] = g.mean(f);
    };
    put("perfect_1", [](const Record& r) { return perfect(r, 1); });
    put("rise_1_to_30", [](const Record& r) { return perfect(r, kMostRepeats) - perfect(r, 1); });
    put("slope_1_20", [](const Record& r) { return r.curve.slope_1_20; });
    put("slope_2_15", [](const Record& r) { return r.curve.slope_2_15; });
    put("bound_over_rounding", [](const Record& r) { return r.curve.bound / r.curve.rounding_error; });
    put("accuracy", [](const Record& r) { return r.accuracy; });
    const double slope = found[g.plan->name + ".slope_2_15"];
    if (g.plan->transformer)
      steepest_transformer = std::max(steepest_transformer, std::abs(slope));
    else if (g.plan->hidden == options.size.hidden.front())
      fully_connected = slope;
  }
  found["fully_connected_over_steepest_transformer"] = fully_connected / steepest_transformer;
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
void draw_figure(const std::vector<Group>& groups, const Options& options) {
  const char* x = "n, repetitions of \"perfect\"";
  const char* y = "log-odds (nats)";
  Figure figure{.title = "What a classifier makes of a linear truth", .panels = {}, .columns = 2};
  Panel all{.title = "against the truth", .x_label = x, .y_label = y, .curves = {truth_curve()}};
  std::vector<Panel> closer;
  const bool several = options.size.layers.size() > 1;
  for (const Group& g : groups) {
    if (!g.plan->probed) continue;
    const bool shown_with_all =
        !g.plan->transformer || g.plan->transformer->layers == options.size.layers.front();
    if (shown_with_all) all.curves.push_back(mean_curve(g));
    if (!g.plan->transformer) continue;
    const std::string title = several ? name(g.plan->transformer->architecture) : "transformers alone";
    if (closer.empty() || closer.back().title != title)
      closer.push_back({.title = title, .x_label = x, .y_label = y, .curves = {}});
    closer.back().curves.push_back(mean_curve(g));
  }
  figure.panels.push_back(std::move(all));
  for (Panel& panel : closer) figure.panels.push_back(std::move(panel));
  draw(figure, options.folder + "/figure");
}

std::string results_json(const std::vector<Record>& records, const std::vector<Verdict>& verdicts,
                         const Options& options) {
  std::string models, checks;
  for (const Record& r : records) {
    JsonRow row;
    row.field("model", r.plan.name).field("title", r.plan.title).field("run", r.plan.run);
    row.field("seed", options.seed + static_cast<std::uint64_t>(r.plan.run));
    row.field("loss", r.loss).field("accuracy", r.accuracy).field("seconds", r.seconds);
    for (const auto& [name, value] : r.claims) row.field(name, value);
    if (r.plan.probed) {
      std::string witness;
      for (const std::string& t : r.curve.witness) witness += (witness.empty() ? "" : ",") + json_string(t);
      row.field("log_odds_the", r.curve.the)
          .field("log_odds_perfect", std::span<const double>(r.curve.perfect));
      row.field("slope_1_20", r.curve.slope_1_20)
          .field("slope_2_15", r.curve.slope_2_15)
          .field("range", r.curve.range);
      row.field("spread", r.curve.spread).field("collapsed", r.curve.collapsed());
      row.field("bound", r.curve.bound)
          .field("rounding_error", r.curve.rounding_error)
          .raw("witness", "[" + witness + "]");
    }
    models += (models.empty() ? "\n  " : ",\n  ") + row.str();
  }
  for (const Verdict& v : verdicts)
    checks += (checks.empty() ? "\n  " : ",\n  ") + JsonRow()
                                                        .field("name", v.expectation.name)
                                                        .field("found", v.found.value_or(NAN))
                                                        .field("low", v.expectation.low)
                                                        .field("high", v.expectation.high)
                                                        .field("holds", v.holds())
                                                        .str();
  const std::string head = JsonRow()
                               .field("version", SLALOM_VERSION)
                               .field("size", options.size.name)
                               .field("runs", options.runs)
                               .field("seed", options.seed)
                               .field("scale", "log-odds")
                               .field("threads", threads())
                               .field("blas_core", blas_core())
                               .str();
  return head.substr(0, head.size() - 1) + ",\n \"models\":[" + models + "],\n \"checks\":[" + checks +
         "]}\n";
}

std::string curves_csv(const std::vector<Record>& records) {
  Table table({{"model"}, {"run"}, {"n"}, {"log_odds"}, {"truth"}});
  for (const Record& r : records)
    for (std::size_t i = 0; i < r.curve.perfect.size(); ++i) {
      const auto n = static_cast<double>(i + 1);
      table.add_row({r.plan.name, std::to_string(r.plan.run), shortest(n), shortest(r.curve.perfect[i]),
                     shortest(kTrueSlope * n)});
    }
  return table.csv();
}

}  // namespace

bool report(const std::vector<Record>& records, const Options& options) {
  const std::vector<Group> groups = group(records);
  const std::map<std::string, double> found = findings(groups, options);
  const std::vector<Verdict> verdicts = compare_with_expected(options.expected, found);
  const Table probes = probe_table(groups), claims = claims_table(found), checks = verdict_table(verdicts);
  write_file(options.folder + "/results.json", results_json(records, verdicts, options));
  write_file(options.folder + "/curves.csv", curves_csv(records));
  write_file(
      options.folder + "/README.md",
      text("# Linear study, size ", options.size.name, ", ", options.runs,
           options.runs == 1 ? " run" : " runs", "\n\n",
           "Log-odds (nats) of \"the\" and of \"perfect\" once and 30 times; least-squares slope over n "
           "repetitions against the "
           "true 1.5; the bound is the largest distance to every additive bag of words that a few texts "
           "prove.\n\n",
           probes.markdown(), "\n![figure](figure.svg)\n\n", claims.markdown(), "\n", checks.markdown()));
  draw_figure(groups, options);
  std::cout << probes.text() << "\n"
            << claims.text() << "\n"
            << checks.text() << "\nresults in " << options.folder << "\n";
  return std::ranges::all_of(verdicts, [](const Verdict& v) { return v.holds(); });
}

}  // namespace slalom::study
