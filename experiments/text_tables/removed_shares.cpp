// Where a surrogate holds: errors over the share of tokens that is removed, each against ridge's.
#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "slalom/base/numbers.hpp"
#include "slalom/report/number_text.hpp"
#include "text_tables.hpp"

namespace slalom::text_tables {

namespace {

using experiment::Bootstrap;
using experiment::Estimate;
using experiment::number;

constexpr const char* kFits[] = {"small", "mixed", "all"};

std::string fitted_to(const std::string& fit) {
  return fit == "small" ? "up to 10 tokens" : fit == "mixed" ? "half up to 10, half more" : "any number";
}

double mean_of(std::span<const double> x) {
  return std::accumulate(x.begin(), x.end(), 0.0) / static_cast<double>(x.size());
}

std::string shown(double x) {
  const double size = std::abs(x);
  return size >= 100 ? concat(x < 0 ? "−" : "", count_text(std::llround(size)))
                     : plain_number(x, size >= 1 ? 3 : 2);
}

std::string text_of(const Estimate& e) {
  return concat(shown(e.value), " [", shown(e.low), ", ", shown(e.high), "]");
}

// What a column shows of each text.
struct ShareColumn {
  std::string title;
  std::vector<std::size_t> levels;  // whose mean it is
};

std::vector<ShareColumn> columns_of(const ShareSet& set) {
  std::vector<ShareColumn> columns = {{"1 to 10 tokens", {}}};
  for (std::size_t l = 0; l < set.levels.size(); ++l) {
    const bool tokens = parse_number<Index>(set.levels[l]).has_value();
    if (tokens) columns.front().levels.push_back(l);
    if (!tokens || set.levels[l] == "5")
      columns.push_back({set.levels[l] + (tokens                   ? " tokens"
                                          : set.levels[l] == "any" ? " number"
                                                                   : ""),
                         {l}});
  }
  return columns;
}

std::vector<double> errors_of(const ShareErrors& errors, const ShareColumn& column) {
  std::vector<double> of_texts;
  for (const std::vector<double>& mse : errors.mse) {
    double sum = 0;
    for (const std::size_t l : column.levels) sum += mse[l];
    of_texts.push_back(sum / static_cast<double>(column.levels.size()));
  }
  return of_texts;
}

const ShareErrors& rival_of(const ShareSet& set, const std::string& fit, const char* rival) {
  return *std::ranges::find_if(set.errors,
                               [&](const ShareErrors& e) { return e.fit == fit && e.surrogate == rival; });
}

// `rival` (texts): the errors of another surrogate of the same fit.
using CellOf = std::function<std::string(const Bootstrap& bootstrap, const std::vector<double>& errors,
                                         const std::vector<double>& rival)>;
struct ShareTable {
  const char *note, *rival;
  CellOf cell;
};
Table share_table(const ShareSet& set, const ShareTable& shown) {
  const std::vector<ShareColumn> columns = columns_of(set);
  std::vector<Table::Column> headers = {{"fitted to"}, {"surrogate"}};
  for (const ShareColumn& column : columns) headers.push_back({column.title, Table::Align::right});
  Table table(headers);
  const Bootstrap bootstrap(set.seeds);
  for (const char* fit : kFits)
    for (const ShareErrors& errors : set.errors) {
      if (errors.fit != fit) continue;
      std::vector<std::string> row = {fitted_to(fit), errors.surrogate};
      for (const ShareColumn& column : columns)
        row.push_back(shown.cell(bootstrap, errors_of(errors, column),
                                 errors_of(rival_of(set, fit, shown.rival), column)));
      table.add_row(std::move(row));
    }
  return table;
}

// Per cent of the tokens that a level removes, the mean over the texts.
double share_of(const ShareSet& set, const std::string& level) {
  if (level.ends_with(" %")) return *parse_number<double>(level.substr(0, level.size() - 2));
  const auto removed = parse_number<Index>(level);
  if (!removed) return NAN;
  double sum = 0;
  for (const double tokens : set.tokens) sum += 100 * static_cast<double>(*removed) / tokens;
  return sum / static_cast<double>(set.tokens.size());
}

Panel panel_of(const ShareSet& set, const std::string& fit) {
  Panel panel{.title = concat(set.title, ": fitted to ", fitted_to(fit)),
              .x_label = "per cent of the tokens removed",
              .y_label = "log₁₀ of the mean squared error (nats²)",
              .curves = {},
              .y_range = {},
              .log_x = true};
  for (const ShareErrors& errors : set.errors) {
    if (errors.fit != fit) continue;
    std::vector<std::pair<double, double>> points;
    for (std::size_t l = 0; l < set.levels.size(); ++l)
      if (const double x = share_of(set, set.levels[l]); std::isfinite(x))
        points.emplace_back(x, std::log10(mean_of(errors_of(errors, {"", {l}}))));
    std::ranges::sort(points);
    Curve curve{.label = errors.surrogate,
                .style = errors.surrogate == "zero" ? Curve::Style::dashed : Curve::Style::line_points};
    for (const auto& [x, y] : points) curve.x.push_back(x), curve.y.push_back(y);
    panel.curves.push_back(std::move(curve));
  }
  return panel;
}

// The same range of errors in all panels.
void share_range(Figure& figure) {
  std::pair<double, double> range = {INFINITY, -INFINITY};
  for (const Panel& panel : figure.panels)
    for (const Curve& curve : panel.curves)
      for (const double y : curve.y)
        if (std::isfinite(y)) range = {std::min(range.first, y - 0.1), std::max(range.second, y + 0.1)};
  for (Panel& panel : figure.panels)
    if (range.first < range.second) panel.y_range = range;
}

}  // namespace

void add_shares(const Json& record, const std::string& where, ShareSet& set) {
  const bool first = set.tokens.empty();
  const std::string title = concat(require_string(record, "corpus_title", where), ", ",
                                   require_string(record, "model_title", where));
  std::vector<std::string> levels;
  for (const Json& level : require_array(record, "levels", where))
    levels.push_back(level.is_string() ? level.get<std::string>() : level.dump());
  if (first) set = {.title = title, .levels = levels};
  if (title != set.title || levels != set.levels)
    throw Error(where + ": another corpus, model or levels than in the lines before");
  const Index text = require_integer(record, "text", where, 0, Index{1} << 53),
              seed = optional_integer(record, "model_seed", where, 0, 0, Index{1} << 53);
  for (std::size_t i = 0; i < set.texts.size(); ++i)
    if (set.texts[i] == text && set.seeds[i] == seed)
      throw Error(concat(where, ": text ", text, " is there twice"));
  set.texts.push_back(text);
  set.seeds.push_back(seed);
  set.tokens.push_back(static_cast<double>(require_integer(record, "tokens", where, 1, Index{1} << 31)));
  const Json& errors = require_array(record, "errors", where);
  for (std::size_t i = 0; i < errors.size(); ++i) {
    const std::string fit = require_string(errors[i], "fit", where),
                      surrogate = require_string(errors[i], "surrogate", where);
    if (first) set.errors.push_back({fit, surrogate, {}});
    const Json& mse = require_array(errors[i], "mse", where);
    if (i >= set.errors.size() || set.errors[i].fit != fit || set.errors[i].surrogate != surrogate ||
        mse.size() != levels.size())
      throw Error(concat(where, ": errors of ", surrogate, ", ", fit,
                         ": wanted the surrogates of the first line, ", "each with a number for each of ",
                         levels.size(), " levels"));
    std::vector<double>& row = set.errors[i].mse.emplace_back();
    for (const Json& x : mse) {
      if (!x.is_number()) throw Error(concat(where, ": an error is ", x.dump(), ", wanted a number"));
      row.push_back(number(x));
    }
  }
  for (const ShareErrors& e : set.errors)
    if (e.mse.size() != set.tokens.size() || std::ranges::count_if(set.errors, [&](const ShareErrors& other) {
                                               return other.fit == e.fit && (other.surrogate == "ridge" ||
                                                                             other.surrogate == "zero");
                                             }) != 2)
      throw Error(concat(where, ": no errors of ", e.surrogate, ", ridge or zero, fit \"", e.fit, "\""));
}

// "shares.IMDB DistilBERT 2 layers.small.5 tokens.slalom.over.ridge": mean error over that of another
// surrogate fitted to the same outputs.
void add_share_estimates(const Study& study, experiment::Estimates& found) {
  const auto without_commas = [](std::string name) {
    std::erase(name, ',');
    return name;
  };
  for (const ShareSet& set : study.shares) {
    const Bootstrap bootstrap(set.seeds);
    for (const ShareColumn& column : columns_of(set))
      for (const ShareErrors& mine : set.errors)
        for (const ShareErrors& other : set.errors)
          if (mine.surrogate.starts_with("slalom") && mine.fit == other.fit && &mine != &other)
            found[without_commas(concat("shares.", set.title, ".", mine.fit, ".", column.title, ".",
                                        mine.surrogate, ".over.", other.surrogate))] =
                bootstrap.of_means(errors_of(mine, column), errors_of(other, column),
                                   [](double a, double b) { return a / b; });
  }
}

Section removed_shares_section(const Study& study) {
  Section section{
      .id = "removed-shares",
      .item = "shares",
      .title = "Where a surrogate holds",
      .text =
          "Mean squared error (nats²) of the predicted change of log-odds over what is removed: 1 to 10 "
          "random tokens, a share of them, any number. All surrogates are fitted to the same outputs, "
          "of deletions of up to 10 tokens, of any number, and half of each; kernel SHAP alone queries "
          "coalitions of its own, as many. Ridge has a penalty that maximises the restricted likelihood. "
          "Intervals are 95 % percentiles of 2,000 paired resamples of models and their texts."};
  Figure figure{
      .title = "Error of predicted changes by the share of removed tokens", .panels = {}, .columns = 2};
  for (const ShareSet& set : study.shares)
    for (const char* fit : kFits) figure.panels.push_back(panel_of(set, fit));
  share_range(figure);
  if (!figure.panels.empty())
    section.blocks.push_back(
        {.note = "Mean error by share removed, both logarithmic.", .figure = figure, .stem = "fig_shares"});
  const ShareTable tables[] = {
      {"Mean error (median)", "zero",
       [](const auto&, const auto& x, const auto&) {
         return concat(shown(mean_of(x)), " (", shown(median(x)), ")");
       }},
      {"R² = 1 − error over that of predicting no change, of each text: median (a tenth of the texts is "
       "below)",
       "zero",
       [](const auto&, const auto& x, const auto& zero) {
         std::vector<double> r2;
         for (std::size_t i = 0; i < x.size(); ++i) r2.push_back(1 - x[i] / zero[i]);
         std::ranges::sort(r2);
         return concat(shown(median(r2)), " (", shown(r2[r2.size() / 10]), ")");
       }},
      {"Mean error over that of ridge with the same fit [95 %]; below 1 is better", "ridge",
       [](const auto& bootstrap, const auto& x, const auto& ridge) {
         return text_of(bootstrap.of_means(x, ridge, [](double a, double b) { return a / b; }));
       }},
      {"Mean error less that of ridge with the same fit [95 %]; below 0 is better", "ridge",
       [](const auto& bootstrap, const auto& x, const auto& ridge) {
         return text_of(bootstrap.of_means(x, ridge, [](double a, double b) { return a - b; }));
       }}};
  for (const ShareSet& set : study.shares)
    for (const ShareTable& table : tables)
      section.blocks.push_back({.heading = set.title,
                                .note = concat(table.note, ". ", set.tokens.size(), " texts of ",
                                               std::set(set.seeds.begin(), set.seeds.end()).size(),
                                               " models, ", median(set.tokens), " tokens (median)."),
                                .table = share_table(set, table)});
  return section;
}

}  // namespace slalom::text_tables
