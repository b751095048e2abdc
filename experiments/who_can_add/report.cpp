#include <algorithm>
#include <cmath>

#include "slalom/base/numbers.hpp"
#include "who_can_add.hpp"

namespace slalom::who_can_add {

namespace {

constexpr const char* kSurrogates[] = {"linear", "gam", "slalom", "slalom_background"};

// The seeds of a cell that did not diverge.
struct Group {
  Cell cell;
  std::vector<Json> runs;
  Index diverged = 0;

  std::vector<double> values(const std::function<double(const Json&)>& f) const {
    std::vector<double> list;
    for (const Json& run : runs) list.push_back(f(run));
    return list;
  }
};

double bound(const Json& run) {
  return number(run["bound"]) / number(run["spread"]);
}
// NaN of a collapsed model.
double unexplained(const Json& run, const char* surrogate) {
  return run.contains("unexplained") ? number(run["unexplained"][surrogate]) : NAN;
}
std::function<double(const Json&)> field(const char* name) {
  return [name](const Json& run) { return number(run[name]); };
}

std::vector<Group> group(const std::vector<Json>& grid) {
  std::map<std::string, Group> by_name;
  for (const Cell& cell : cells({1, 2, 4})) by_name[cell.name()].cell = cell;
  for (const Json& record : grid)
    if (const auto found = by_name.find(record["cell"].get<std::string>()); found != by_name.end()) {
      if (record.contains("diverged"))
        ++found->second.diverged;
      else
        found->second.runs.push_back(record);
    }
  std::vector<Group> groups;
  for (const Cell& cell : cells({1, 2, 4}))
    if (Group& g = by_name[cell.name()]; !g.runs.empty() || g.diverged > 0) groups.push_back(std::move(g));
  return groups;
}

bool averages(const Cell& c) {
  return c.attention == AttentionKind::softmax || c.attention == AttentionKind::softmax_plus_one;
}
bool at_cls_without_norm(const Cell& c, Positions positions) {
  return c.norm == Norm::none && c.cls && c.positions == positions;
}

// The sets of cells that expected.tsv speaks of.
struct Set {
  const char* name;
  bool (*holds)(const Cell&);
};
constexpr Set kSets[] = {
    {"adds",
     [](const Cell& c) {
       return !averages(c) && at_cls_without_norm(c, Positions::none) && !c.feed_forward && c.layers == 1;
     }},
    {"averages", averages},
    {"flat",
     [](const Cell& c) {
       return c.attention == AttentionKind::softmax && !c.cls && c.positions != Positions::learned;
     }},
    {"normed_sums", [](const Cell& c) { return !averages(c) && c.norm != Norm::none; }},
    {"sums_feed_forward",
     [](const Cell& c) {
       return !averages(c) && at_cls_without_norm(c, Positions::none) && c.feed_forward && c.layers == 1;
     }},
    {"deep_sums",
     [](const Cell& c) {
       return !averages(c) && at_cls_without_norm(c, Positions::none) && !c.feed_forward && c.layers > 1;
     }},
    {"sums_learned", [](const Cell& c) {
       return !averages(c) && at_cls_without_norm(c, Positions::learned) && !c.feed_forward && c.layers == 1;
     }}};

// Mean, lowest and highest over the trained models of a set; collapsed ones have no shares.
void add_grid(const std::vector<Group>& groups, Estimates& found) {
  for (const Set& set : kSets) {
    std::map<std::string, std::vector<double>> values;
    for (const Group& g : groups) {
      if (!set.holds(g.cell)) continue;
      for (const Json& run : g.runs) {
        for (const char* name : {"slope", "excess_loss"}) values[name].push_back(number(run[name]));
        if (run["collapsed"]) continue;
        values["bound"].push_back(bound(run));
        for (const char* surrogate : kSurrogates) values[surrogate].push_back(unexplained(run, surrogate));
      }
    }
    for (const auto& [name, list] : values) {
      const std::string stem = concat(set.name, ".", name);
      found[stem] = mean_over_runs(list);
      found[stem + ".lowest"] = std::ranges::min(list);
      found[stem + ".highest"] = std::ranges::max(list);
    }
  }
  if (found.contains("averages.linear"))
    found["averages.slalom_over_linear"] =
        found["averages.slalom_background"].value / found["averages.linear"].value;
  if (found.contains("averages.excess_loss") && found.contains("adds.excess_loss"))
    found["adds_minus_averages.excess_loss"] =
        found["adds.excess_loss"].value - found["averages.excess_loss"].value;
}

// The worst of a theorem's models: the highest where something vanishes, the lowest where it must not.
void add_theorems(const std::vector<Json>& theorems, Estimates& found) {
  for (const Json& t : theorems) {
    const std::string what = t["what"], name = concat(t["theorem"].get<std::string>(), ".", what);
    const bool highest = what == "exact" || what == "norm", controls = what.ends_with("fails");
    const double random = number(t[highest ? "random_highest" : "random_lowest"]),
                 trained = number(t["trained"]);
    // Whether a trained model keeps a control's distance depends on what it learned.
    const double worst = controls ? random : highest ? std::max(random, trained) : std::min(random, trained);
    const auto [place, first] = found.try_emplace(name, worst);
    if (!first)
      place->second = highest ? std::max(place->second.value, worst) : std::min(place->second.value, worst);
  }
}

void add_apart(const std::vector<Json>& apart, Estimates& found) {
  std::map<std::string, std::vector<double>> values;
  for (const Json& record : apart) {
    values["apart.error"].push_back(number(record["error"]));
    for (const auto& [kind, share] : record["share"].items())
      values[concat("apart.", record["layers"].get<Index>(), ".", kind)].push_back(number(share));
  }
  for (const auto& [name, list] : values)
    found[name] = name == "apart.error" ? Estimate(std::ranges::max(list)) : mean_over_runs(list);
}

std::string shown(const std::vector<double>& values, int digits) {
  if (values.empty()) return "-";
  const Estimate e = mean_over_runs(values);
  const auto number_of = [&](double x) { return significant(x, digits); };
  if (e.low == e.high || std::isnan(e.low)) return number_of(e.value);
  return concat(number_of(e.value), " [", number_of(e.low), ", ", number_of(e.high), "]");
}

Table grid_table(const std::vector<Group>& groups) {
  using enum Table::Align;
  std::vector<Table::Column> columns = {
      {"attention / norm / feed-forward / first token / positions / layers"}};
  for (const char* header : {"seeds", "diverged", "collapsed", "excess loss", "slope / 1.5", "bound / spread",
                             "linear", "GAM", "SLALOM", "with background"})
    columns.push_back({header, right});
  Table table(columns);
  for (const Group& g : groups) {
    std::vector<std::string> row = {g.cell.name(), std::to_string(g.runs.size()), std::to_string(g.diverged)};
    row.push_back(
        std::to_string(std::ranges::count_if(g.runs, [](const Json& r) { return r["collapsed"]; })));
    row.push_back(shown(g.values(field("excess_loss")), 2));
    row.push_back(shown(g.values(field("slope")), 3));
    row.push_back(shown(g.values(bound), 3));
    for (const char* surrogate : kSurrogates)
      row.push_back(shown(g.values([=](const Json& run) { return unexplained(run, surrogate); }), 2));
    table.add_row(row);
  }
  return table;
}

Table theorem_table(const std::vector<Json>& theorems) {
  using enum Table::Align;
  Table table({{"theorem"}, {"what"}, {"model"}, {"of"}, {"random weights", right}, {"trained", right}});
  for (const Json& t : theorems)
    table.add_row({t["theorem"], t["what"], t["model"], t["claim"],
                   concat(significant(number(t["random_lowest"]), 2), " to ",
                          significant(number(t["random_highest"]), 2)),
                   significant(number(t["trained"]), 2)});
  return table;
}

std::map<std::string, std::vector<Json>> by_model(const std::vector<Json>& apart) {
  std::map<std::string, std::vector<Json>> models;
  for (const Json& record : apart) models[record["model"]].push_back(record);
  return models;
}

Table apart_table(const std::vector<Json>& apart) {
  using enum Table::Align;
  std::vector<Table::Column> columns = {{"model"}};
  for (const char* header : {"F, n = 1", "n = 30", "weights of one in 30", "weights of 30 in one",
                             "all frozen, n = 30", "attention", "LayerNorm", "feed-forward", "head"})
    columns.push_back({header, right});
  Table table(columns);
  for (const auto& [model, records] : by_model(apart)) {
    const Group runs{{}, records};
    std::vector<std::string> row = {model};
    for (const char* name : {"one", "many", "many_weights_of_one", "one_weights_of_many", "many_linear"})
      row.push_back(shown(runs.values(field(name)), 3));
    for (const char* kind : {"attention", "layer_norm", "feed_forward", "head"})
      row.push_back(shown(runs.values([=](const Json& r) { return number(r["share"][kind]); }), 3));
    table.add_row(row);
  }
  return table;
}

// What one head's weights change, patched alone.
Table heads_table(const std::vector<Json>& apart) {
  using enum Table::Align;
  Table table(
      {{"model"}, {"layer", right}, {"head", right}, {"of one in 30", right}, {"of 30 in one", right}});
  for (const auto& [model, records] : by_model(apart))
    for (std::size_t i = 0; i < records.front()["heads"].size(); ++i) {
      const Group runs{{}, records};
      const Json& head = records.front()["heads"][i];
      const auto change = [&](const char* run) {
        return shown(runs.values([=](const Json& r) { return number(r["heads"][i][run]) - number(r[run]); }),
                     3);
      };
      table.add_row({model, std::to_string(head["layer"].get<Index>()),
                     std::to_string(head["head"].get<Index>()), change("many"), change("one")});
    }
  return table;
}

std::vector<double> repeats() {
  std::vector<double> n;
  for (Index i = 1; i <= kMostRepeats; ++i) n.push_back(static_cast<double>(i));
  return n;
}

std::vector<double> mean_curve(const Group& g) {
  std::vector<double> mean(static_cast<std::size_t>(kMostRepeats));
  for (const Json& run : g.runs)
    for (std::size_t n = 0; n < mean.size(); ++n)
      mean[n] += number(run["curve"][n]) / static_cast<double>(g.runs.size());
  return mean;
}

// One layer; a panel for each attention (rows), norm and feed-forward, a curve for each first token and kind
// of positions.
Figure figure_of(const std::vector<Group>& groups) {
  const std::vector<double> n = repeats();
  std::vector<double> truth = n;
  for (double& y : truth) y *= kTrueSlope;
  Figure figure{
      .title = "F of n times \"perfect\", one layer; the truth is 1.5 n", .panels = {}, .columns = 6};
  for (const Group& g : groups) {
    if (g.cell.layers != 1 || g.runs.empty()) continue;
    const std::string title =
        concat(word_of(kAttentionWords, g.cell.attention), ", norm ", word_of(kNormWords, g.cell.norm),
               g.cell.feed_forward ? ", ff" : ", no ff");
    if (figure.panels.empty() || figure.panels.back().title != title)
      figure.panels.push_back(
          {.title = title,
           .x_label = "n",
           .y_label = "log-odds (nats)",
           .curves = {{.label = "truth", .x = n, .y = truth, .style = Curve::Style::dashed}},
           .y_range = {{-5, 50}}});
    figure.panels.back().curves.push_back({.label = concat(g.cell.cls ? "[CLS], " : "no first token, ",
                                                           word_of(kPositionWords, g.cell.positions)),
                                           .x = n,
                                           .y = mean_curve(g)});
  }
  return figure;
}

Table curves_table(const std::vector<Group>& groups) {
  Table table({{"cell"}, {"seed"}, {"n"}, {"log_odds"}});
  for (const Group& g : groups)
    for (const Json& run : g.runs)
      for (std::size_t n = 1; n <= static_cast<std::size_t>(kMostRepeats); ++n)
        table.add_row({g.cell.name(), std::to_string(run["seed"].get<Index>()), std::to_string(n),
                       shortest(number(run["curve"][n - 1]))});
  return table;
}

}  // namespace

bool report(const std::vector<Json>& grid, const std::vector<Json>& theorems, const std::vector<Json>& apart,
            const Options& options) {
  const std::vector<Group> groups = group(grid);
  Estimates found;
  add_theorems(theorems, found);
  add_grid(groups, found);
  add_apart(apart, found);
  std::vector<Group> plain;
  std::ranges::copy_if(groups, std::back_inserter(plain), [](const Group& g) {
    return g.cell.layers == 1 && g.cell.cls && g.cell.positions == Positions::none;
  });
  const char* measured =
      "Excess loss: expected loss on held-out texts beyond the best possible one (nats). Slope: least "
      "squares over "
      "1 to 20 times \"perfect\", 1 is the truth. Bound: the largest distance to every additive model that "
      "repetitions of words show (float64), over the standard deviation of F. Then the shares of the "
      "variance of F "
      "that surrogates leave. Mean over seeds [95 % interval].";
  return publish(
      {.title = concat("Who can add? Size ", options.size),
       .sections = {{concat("One layer, [CLS], no positions. ", measured), grid_table(plain)},
                    {"Theorems, in float64: lowest and highest of three models with random weights, and a "
                     "trained one. \"exact\" must vanish.",
                     theorem_table(theorems)},
                    {"F of one \"perfect\" and of 30, with attention weights of one run in the other, and "
                     "with every nonlinear step frozen to the run of one; shares of what freezing changes "
                     "(Shapley values).",
                     apart_table(apart)},
                    {"What the weights of a single head change, patched alone.", heads_table(apart)},
                    {"Every cell.", grid_table(groups)}},
       .figure = figure_of(groups),
       .curves = curves_table(groups),
       .about = {{"runs", options.runs}},
       .records = apart,
       .found = found},
      options);
}

}  // namespace slalom::who_can_add
