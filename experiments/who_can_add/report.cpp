#include <algorithm>
#include <cmath>

#include "slalom/base/numbers.hpp"
#include "who_can_add.hpp"

namespace slalom::who_can_add {

namespace {

// Names in the records, and in the tables.
constexpr std::pair<const char*, const char*> kSurrogates[] = {
    {"linear", "linear"}, {"gam", "GAM"}, {"slalom", "SLALOM"}, {"slalom_background", "with background"}};

// The seeds of a cell, but for those whose training diverged.
struct Group : Runs {
  Setting cell;
  Index diverged = 0;
};

bool collapsed(const Json& run) {
  return run["collapsed"];
}
// The next two are NaN of a collapsed model.
double bound(const Json& run) {
  return collapsed(run) ? NAN : number(run["bound"]) / number(run["spread"]);
}
NumberOf unexplained(const char* surrogate) {
  return
      [surrogate](const Json& run) { return collapsed(run) ? NAN : number(run["unexplained"][surrogate]); };
}

std::vector<Group> groups_of(const std::vector<Json>& grid, const std::vector<Depth>& depths) {
  std::vector<Group> groups;
  const std::vector<Setting> settings = cells(depths);  // in the order of the records
  for (const Runs& runs : by_model(grid)) {
    Group& group = groups.emplace_back(runs, settings[groups.size()]);
    group.diverged = std::erase_if(group.records, [](const Json* run) { return run->at("diverged"); });
  }
  return groups;
}

bool averages(const Setting& c) {
  return c.attention == AttentionKind::softmax || c.attention == AttentionKind::softmax_plus_one;
}
bool is_plain(const Setting& c) {
  return c.cls && c.positions == Positions::none;
}
// Sums at [CLS] without a norm.
bool sums(const Setting& c, Positions positions, bool feed_forward) {
  return !averages(c) && c.norm == Norm::none && c.cls && c.positions == positions &&
         c.feed_forward == feed_forward;
}

// The sets of cells that expected.tsv speaks of.
struct Set {
  const char* name;
  bool (*holds)(const Setting&);
};
constexpr Set kSets[] = {
    {"adds", [](const Setting& c) { return sums(c, Positions::none, false) && c.layers == 1; }},
    {"averages", averages},
    {"flat",
     [](const Setting& c) {
       return c.attention == AttentionKind::softmax && !c.cls && c.positions != Positions::learned;
     }},
    {"normed_sums", [](const Setting& c) { return !averages(c) && c.norm != Norm::none; }},
    {"sums_feed_forward", [](const Setting& c) { return sums(c, Positions::none, true) && c.layers == 1; }},
    {"deep_sums", [](const Setting& c) { return sums(c, Positions::none, false) && c.layers > 1; }},
    {"sums_learned", [](const Setting& c) { return sums(c, Positions::learned, false) && c.layers == 1; }}};

// Mean, lowest and highest over the trained models of a set; of bounds and shares, collapsed ones are left
// out.
void add_grid(const std::vector<Group>& groups, Estimates& found) {
  for (const Set& set : kSets) {
    Runs all{.name = set.name, .title = "", .records = {}}, learned = all;
    for (const Group& g : groups)
      if (set.holds(g.cell)) {
        std::ranges::copy(g.records, std::back_inserter(all.records));
        std::ranges::copy_if(g.records, std::back_inserter(learned.records),
                             [](const Json* run) { return !collapsed(*run); });
      }
    if (learned.records.empty()) continue;
    for (const char* name : {"slope", "excess_loss"}) add_estimates(all, name, field(name), found);
    add_estimates(learned, "bound", bound, found);
    for (const auto& [surrogate, header] : kSurrogates)
      add_estimates(learned, surrogate, unexplained(surrogate), found);
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
    const bool highest = what == "exact" || what == "norm";
    std::vector<double> values = {number(t[highest ? "random_highest" : "random_lowest"])};
    // Whether a trained model keeps a control's distance depends on what it learned.
    if (!what.ends_with("fails")) values.push_back(number(t["trained"]));
    if (found.contains(name)) values.push_back(found[name].value);
    found[name] = highest ? std::ranges::max(values) : std::ranges::min(values);
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

std::string seeds(const Group& g) {
  const auto flat = std::ranges::count_if(g.records, [](const Json* run) { return collapsed(*run); });
  return concat(g.records.size(), g.diverged > 0 ? concat(", ", g.diverged, " diverged") : "",
                flat > 0 ? concat(", ", flat, " collapsed") : "");
}

constexpr const char* kMeasured =
    "With [CLS] and without positions. Excess loss: expected loss on held-out texts beyond the best possible "
    "one (nats). Slope: least squares over 1 to 20 times \"perfect\", 1 is the truth. Bound: proved distance "
    "to every additive bag of words, over the standard deviation of F. Then the shares of the variance of F "
    "on held-out texts that surrogates leave. Mean over seeds [95 % interval].";

Table grid_table(const std::vector<Group>& groups) {
  std::vector<Column<Group>> columns = {{"attention / norm / feed-forward / first token / positions / layers",
                                         [](const Group& g) { return g.title; }},
                                        {"seeds", seeds}};
  const auto add = [&](const char* header, const NumberOf& of, int digits) {
    columns.push_back({header, [=](const Group& g) { return shown(g.values(of), digits); }});
  };
  add("excess loss", field("excess_loss"), 2);
  add("slope / 1.5", field("slope"), 3);
  add("bound / spread", bound, 3);
  for (const auto& [surrogate, header] : kSurrogates) add(header, unexplained(surrogate), 2);
  return table_of(groups, columns);
}

Table theorem_table(const std::vector<Json>& theorems) {
  using enum Table::Align;
  return table_of<Json>(theorems, {{"theorem", as_is("theorem")},
                                   {"what", as_is("what"), left},
                                   {"model", as_is("model"), left},
                                   {"of", as_is("claim"), left},
                                   {"random weights, lowest", with_digits(field("random_lowest"), 2)},
                                   {"highest", with_digits(field("random_highest"), 2)},
                                   {"trained", with_digits(field("trained"), 2)}});
}

Table apart_table(const std::vector<Json>& apart) {
  std::vector<Column<Runs>> columns = {{"model", [](const Runs& runs) { return runs.title; }}};
  for (const auto& [header, path] : {std::pair{"F, n = 1", "one"},
                                     {"n = 30", "many"},
                                     {"attention frozen", "frozen/1"},
                                     {"LayerNorm frozen", "frozen/2"},
                                     {"both", "frozen/3"},
                                     {"all four", "frozen/15"},
                                     {"n = 1 with weights of 30", "one_weights_of_many"},
                                     {"attention", "share/attention"},
                                     {"LayerNorm", "share/layer_norm"},
                                     {"feed-forward", "share/feed_forward"},
                                     {"head", "share/head"}})
    columns.push_back({header, [of = field(path)](const Runs& runs) { return shown(runs.values(of), 3); }});
  return table_of(by_model(apart), columns);
}

// What one head's weights change, patched alone.
Table heads_table(const std::vector<Json>& apart) {
  using enum Table::Align;
  Table table(
      {{"model"}, {"layer", right}, {"head", right}, {"of one in 30", right}, {"of 30 in one", right}});
  for (const Runs& runs : by_model(apart))
    for (std::size_t i = 0; i < runs.records.front()->at("heads").size(); ++i) {
      const Json& head = runs.records.front()->at("heads")[i];
      const auto change = [&](const char* run) {
        return shown(runs.values([=](const Json& r) { return number(r["heads"][i][run]) - number(r[run]); }),
                     3);
      };
      table.add_row({runs.title, head["layer"].dump(), head["head"].dump(), change("many"), change("one")});
    }
  return table;
}

// A panel for each norm (rows) and attention, with a curve for each depth and feed-forward network; all with
// [CLS] and without positions.
Figure figure_of(const std::vector<Group>& groups) {
  const std::vector<double> n = counts_to(kMostRepeats);
  std::vector<double> truth = n;
  for (double& y : truth) y *= kTrueSlope;
  std::map<std::pair<Norm, AttentionKind>, Panel> panels;
  for (const Group& g : groups) {
    if (!is_plain(g.cell) || g.records.empty()) continue;
    Panel& panel = panels[{g.cell.norm, g.cell.attention}];
    if (panel.curves.empty()) {
      panel.title =
          concat(word_of(kAttentionWords, g.cell.attention), ", norm: ", word_of(kNormWords, g.cell.norm));
      panel.x_label = "times \"perfect\"";
      panel.y_label = "F (nats)";
      panel.y_range = g.cell.norm == Norm::none ? std::pair(-5., 50.) : std::pair(-1., 8.);
      panel.curves.push_back({.label = "truth", .x = n, .y = truth, .style = Curve::Style::dashed});
    }
    Curve curve{.label = concat(g.cell.layers, g.cell.layers == 1 ? " layer" : " layers",
                                g.cell.feed_forward ? ", feed-forward" : ", no feed-forward"),
                .x = n,
                .y = {}};
    for (std::size_t i = 0; i < n.size(); ++i)
      curve.y.push_back(g.mean([=](const Json& run) { return number(run["curve"][i]); }));
    panel.curves.push_back(std::move(curve));
  }
  Figure figure{
      .title = "F of repeated \"perfect\": mean over seeds, [CLS], no positions", .panels = {}, .columns = 5};
  for (const auto& [place, panel] : panels) figure.panels.push_back(panel);
  return figure;
}

Table curves_table(const Figure& figure) {
  Table table({{"panel"}, {"curve"}, {"n"}, {"log_odds"}});
  for (const Panel& panel : figure.panels)
    for (const Curve& curve : panel.curves)
      for (std::size_t i = 0; i < curve.x.size(); ++i)
        table.add_row({panel.title, curve.label, shortest(curve.x[i]), shortest(curve.y[i])});
  return table;
}

}  // namespace

int report(const std::vector<Json>& grid, const std::vector<Json>& theorems, const std::vector<Json>& apart,
           const Options& options) {
  const std::vector<Group> groups = groups_of(grid, options.depths);
  std::vector<Group> plain;
  std::ranges::copy_if(groups, std::back_inserter(plain), [&](const Group& g) { return is_plain(g.cell); });
  const Figure figure = figure_of(groups);
  Estimates found;
  add_theorems(theorems, found);
  add_grid(groups, found);
  add_apart(apart, found);
  return publish(
      {.title = concat("Who can add? Size ", options.size),
       .sections = {{kMeasured, grid_table(plain)},
                    {"Theorems, in float64: lowest and highest of three models with random weights, and a "
                     "trained one. \"exact\" must vanish.",
                     theorem_table(theorems)},
                    {"F of one \"perfect\" and of 30. Of 30 with steps frozen as they are in the run of one: "
                     "attention weights, LayerNorm's divisors, both, and with the activations of the "
                     "feed-forward network and of the head, too. Of one with the weights of 30. Then the "
                     "shares of what freezing all changes (Shapley values).",
                     apart_table(apart)},
                    {"What the weights of a single head change, patched alone.", heads_table(apart)},
                    {"Every cell.", grid_table(groups)}},
       .figure = figure,
       .curves = curves_table(figure),
       .about = {{"theorems", theorems}, {"apart", apart}},
       .records = grid,
       .found = found},
      options);
}

}  // namespace slalom::who_can_add
