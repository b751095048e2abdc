// Predicted changes of log-odds when several tokens are removed.
#include <algorithm>
#include <array>
#include <cmath>

#include "slalom/report/number_text.hpp"
#include "text_tables.hpp"

namespace slalom::text_tables {

namespace {

// A figure has eight colours; the simplest methods are dashed. Scores without a unit (norms of gradients,
// shares of attention) predict no log-odds and are in the tables alone.
constexpr std::array kColoured = {"slalom-fidel",    "slalom-eff",           "lime",
                                  "kernel-shap",     "integrated-gradients", "attn-lrp",
                                  "linear-deletion", "slalom-exact"};
constexpr std::array kDashed = {"leave-one-out", "input-x-gradient", "zero"};

// What is nothing but rounding, as of leaving out one token after the other at one, is a gap.
bool is_shown(double y) {
  return std::isfinite(y) && y > 1e-9;
}

const MethodCurve* find(const std::vector<MethodCurve>& curves, const char* method, const char* settings) {
  const auto found = std::ranges::find_if(curves, [&](const MethodCurve& c) {
    return c.source.method == method && c.source.settings == settings && std::ranges::any_of(c.y, is_shown);
  });
  return found == curves.end() ? nullptr : &*found;
}

}  // namespace

std::vector<Panel> method_panels(const std::string& title, const std::vector<MethodCurve>& curves,
                                 Panel panel) {
  std::vector<Panel> panels;
  double low = INFINITY, high = -INFINITY;
  for (const char* settings : {kCorrected, kPublished}) {
    panel.title = concat(title, ": ", settings);
    panel.curves.clear();
    const auto add = [&](const char* method, slalom::Curve::Style style) {
      const MethodCurve* curve = find(curves, method, settings);
      if (curve == nullptr) return;
      panel.curves.push_back({.label = method, .x = curve->x, .style = style});
      for (const double y : curve->y) {
        panel.curves.back().y.push_back(is_shown(y) ? std::log10(y) : NAN);
        if (!is_shown(y)) continue;
        low = std::min(low, std::log10(y));
        high = std::max(high, std::log10(y));
      }
    };
    for (const char* method : kColoured) add(method, slalom::Curve::Style::line_points);
    for (const char* method : kDashed) add(method, slalom::Curve::Style::dashed);
    if (!panel.curves.empty()) panels.push_back(panel);
  }
  for (Panel& p : panels) p.y_range = {low - 0.05 * (high - low) - 0.05, high + 0.05 * (high - low) + 0.05};
  return panels;
}

namespace {

std::vector<MethodCurve> removal_curves(const TextSet& set) {
  std::vector<MethodCurve> curves;
  for (const Source& method : set.methods) {
    MethodCurve curve{method, {}, {}};
    for (Index k = 1; k <= 10; ++k) {
      const std::vector<double>* values = set.find(concat("removal_", k), method);
      curve.x.push_back(static_cast<double>(k));
      curve.y.push_back(values == nullptr ? NAN : summarise(*values).mean);
    }
    curves.push_back(std::move(curve));
  }
  return curves;
}

Table removal_table(const TextSet& set) {
  using enum Table::Align;
  const std::pair<const char*, const char*> shown[] = {{"published-removal_5", "5 removed, published draws"},
                                                       {"removal_1", "1 removed"},
                                                       {"removal_5", "5 removed"},
                                                       {"removal_10", "10 removed"},
                                                       {"removal_scaled_5", "5 removed, scaled"}};
  std::vector<Table::Column> columns = {{"method"}, {"settings"}};
  for (const auto& [key, title] : shown) columns.push_back({title, right});
  columns.push_back({"n", right});
  const std::vector<Source> methods = by_method(set.methods);
  Table table(columns);
  for (const Source& method : methods) {
    std::vector<std::string> row = {method.method, method.settings};
    Index n = 0;
    for (const auto& [key, title] : shown) {
      const auto mean = [&set, key = key](const Source& source) {
        const std::vector<double>* values = set.find(key, source);
        return values == nullptr ? Summary{0, NAN, NAN} : summarise(*values);
      };
      const Summary own = mean(method);
      const bool best = own.n > 0 && std::ranges::none_of(methods, [&](const Source& other) {
                          return other.settings == method.settings && mean(other).mean < own.mean;
                        });
      const std::string cell = mean_text(metric_named(key), own);
      row.push_back(best ? bold(cell) : cell);
      n = std::max(n, own.n);
    }
    row.push_back(count_text(n));
    if (n > 0) table.add_row(row);
  }
  return table;
}

}  // namespace

Section removal_section(const Study& study) {
  Section section{
      .id = "removal",
      .item = "removal",
      .title = "Predicting removals of several tokens",
      .text =
          "1 to 10 random tokens are removed; mean squared error (nats²) of the change of log-odds that an "
          "explanation predicts against the model's, mean over texts ± standard error, lower is better. In "
          "the "
          "published draws the tokens that are removed are nested, and the same places in all texts of a "
          "length. \"zero\" predicts no change: what does not beat it predicts nothing. "
          "\"Scaled\" is the error after the best single factor on the predicted changes: it forgives "
          "scores that are in another unit, such as the slopes of a probability that LIME gives in its "
          "published settings. In the figure a method has the same colour in all panels; scores without a "
          "unit (gradient norms, attention rollout) are in the tables alone."};
  Figure figure{
      .title = "Error of predicted changes by number of removed tokens", .panels = {}, .columns = 2};
  for (const TextSet& set : study.groups)
    for (Panel& panel : method_panels(set.title(), removal_curves(set),
                                      {.x_label = "tokens removed",
                                      .y_label = "log₁₀ of the mean squared error (nats²)",
                                      .x_tick = 1}))
      figure.panels.push_back(std::move(panel));
  if (!figure.panels.empty())
    section.blocks.push_back({.heading = "",
                              .note = "Error by number of removed tokens, logarithmic.",
                              .figure = std::move(figure),
                              .stem = "fig_removal"});
  for (const TextSet& set : study.groups) {
    if (!set.has("removal_5")) continue;
    section.blocks.push_back(
        {.heading = set.title(),
         .note = concat("Mean squared error, nats²; the best of a column and its settings in "
                        "bold. ",
                        set.texts, " texts."),
         .table = removal_table(set)});
    for (const char* key : {"published-removal_1", "published-removal_5", "published-removal_10", "removal_5",
                            "removal_scaled_5"}) {
      if (!set.has(key)) continue;
      const Metric& metric = metric_named(key);
      section.blocks.push_back(
          {.heading = set.title(),
           .note = concat("Paired differences: ", metric.title, "; ", metric.unit, ", lower is better."),
           .table = metric_table(study, set, metric),
           .closed = key != std::string("removal_5")});
    }
  }
  return section;
}

}  // namespace slalom::text_tables
