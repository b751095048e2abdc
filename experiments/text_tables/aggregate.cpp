// Means, paired differences, and the cells and tables that show them.
#include <algorithm>
#include <cmath>

#include "slalom/base/numbers.hpp"
#include "slalom/report/number_text.hpp"
#include "text_tables.hpp"

namespace slalom::text_tables {

namespace {

constexpr Direction kHigher = Direction::higher_is_better, kLower = Direction::lower_is_better;
constexpr Index kRemoved = 10;  // tokens, at most

std::vector<Metric> make_metrics() {
  std::vector<Metric> all = {
      {"published-naive-bayes",
       "published metric: Spearman correlation with naive-Bayes scores over distinct tokens, of importances "
       "with their absolute values",
       "1", kHigher, true},
      {"naive-bayes", "Spearman correlation with naive-Bayes scores", "1", kHigher, true},
      {"logistic-regression", "Spearman correlation with weights of a logistic regression", "1", kHigher,
       true},
      {"linear-svm", "Spearman correlation with weights of a linear SVM", "1", kHigher, true},
      {"published-human",
       "published metric: ROC-AUC of absolute scores, of importances as they are, over distinct tokens "
       "without "
       "punctuation",
       "1", kHigher, true},
      {"human", "ROC-AUC against consensus marks", "1", kHigher, true},
      {"published-insertion",
       "published metric: insertion, 1 − mean probability of the true label with the best-ranked tokens for "
       "it "
       "alone",
       "1", kLower, true},
      {"insertion", "insertion: mean probability with the best-ranked tokens alone", "1", kHigher, true},
      {"published-deletion",
       "published metric: deletion, 1 − mean probability of the true label with the worst-ranked tokens for "
       "it "
       "alone",
       "1", kHigher, true},
      {"deletion", "deletion: mean probability without the best-ranked tokens", "1", kLower, true},
      {"single_removal", "Spearman correlation of predicted and true changes, single tokens removed", "1",
       kHigher, false},
      {"true-log-odds", "Spearman correlation with the true log-odds of tokens", "1", kHigher, true},
      {"true-log-odds-pearson", "Pearson correlation with the true log-odds of tokens", "1", kHigher, true}};
  for (const auto& [key, about] : {std::pair{"removal_", ""},
                                   {"published-removal_", ", published draws"},
                                   {"removal_scaled_", ", best factor"}})
    for (Index k = 1; k <= kRemoved; ++k)
      all.push_back({concat(key, k),
                     concat("mean squared error, ", k, k == 1 ? " token" : " tokens", " removed", about),
                     "nats²", kLower, false});
  all.push_back({"queries", "queries a text", "queries", kLower, false});
  all.push_back({"token_forwards", "token-forwards a text", "tokens", kLower, false});
  all.push_back({"seconds", "seconds a text", "s", kLower, false});
  return all;
}

}  // namespace

const std::vector<Metric>& all_metrics() {
  static const std::vector<Metric> all = make_metrics();
  return all;
}

const Metric& metric_named(const std::string& key) {
  for (const Metric& metric : all_metrics())
    if (metric.key == key) return metric;
  throw Error(
      concat("[text_tables] metric \"", key, "\", wanted one of ", listed(all_metrics(), &Metric::key)));
}

const std::vector<double>* TextSet::find(const std::string& metric, const Source& source) const {
  const auto columns = values.find(metric);
  if (columns == values.end()) return nullptr;
  const auto found = columns->second.find(source);
  return found == columns->second.end() ? nullptr : &found->second;
}

bool TextSet::has(const std::string& metric) const {
  const auto columns = values.find(metric);
  return columns != values.end() && std::ranges::any_of(columns->second, [](const auto& column) {
           return summarise(column.second).n > 0;
         });
}

std::optional<double> paper_number(const Study& study, const std::string& item, const std::string& model,
                                   const Source& source) {
  for (const PaperNumber& p : study.paper)
    if (p.item == item && p.model == model &&
        (p.method == source.method || p.method == source.method + ":" + source.scores))
      return p.number;
  return std::nullopt;
}

bool is_better(double a, double b, Direction direction) {
  return direction == kHigher ? a > b : a < b;
}

Comparison paired(std::span<const double> a, std::span<const double> b) {
  std::vector<double> differences;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) differences.push_back(a[i] - b[i]);
  const auto [mean, low, high] = experiment::mean_over(differences);
  return {summarise(differences).n, mean, low, high};
}

Standing standing(const Comparison& c, Direction direction) {
  if (!(c.low > 0 || c.high < 0)) return Standing::undecided;
  return (c.low > 0) == (direction == kHigher) ? Standing::better : Standing::worse;
}

const char* word(Standing s) {
  return s == Standing::better ? "better" : s == Standing::worse ? "worse" : "no difference";
}

Source reference(const Metric& metric) {
  return {"slalom-fidel", kCorrected, metric.of_scores ? "linear" : ""};
}

std::vector<Source> by_method(std::vector<Source> sources) {
  std::ranges::stable_sort(sources, {}, [first = sources](const Source& s) {
    return std::ranges::find(first, s.method, &Source::method) - first.begin();
  });
  return sources;
}

std::vector<Source> sources_of(const TextSet& set, const Metric& metric) {
  std::vector<Source> sources;
  for (Source source : set.methods) {
    for (const char* scores : {"", "linear", "weight", "value", "importance"}) {
      source.scores = scores;
      const std::vector<double>* values = set.find(metric.key, source);
      if (values != nullptr && summarise(*values).n > 0) sources.push_back(source);
    }
  }
  return sources;
}

Source ranking_source(const TextSet& set, const Metric& metric, const Source& method) {
  Source source = method;
  source.scores = "";
  if (!metric.of_scores) return source;
  source.scores = "linear";
  if (set.find(metric.key, source) == nullptr) source.scores = "weight";
  return source;
}

double median(std::vector<double> values) {
  if (values.empty()) return NAN;
  std::ranges::sort(values);
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

std::string number_text(const Metric& metric, double x) {
  if (metric.unit == "1") return unsigned_number(x, 3);
  return std::abs(x) >= 1000 ? count_text(std::llround(x)) : plain_number(x, 3);
}

std::string mean_text(const Metric& metric, const Summary& s) {
  if (s.n == 0) return "–";
  std::string mean = number_text(metric, s.mean);
  if (s.n < 2) return mean;
  return concat(
      mean, " ± ",
      metric.unit == "1" ? unsigned_number(s.standard_error, 3) : plain_number(s.standard_error, 2));
}

std::string difference_text(const Metric& metric, const Comparison& c) {
  if (c.n == 0) return "–";
  const auto show = [&](double x) {
    return metric.unit == "1" ? signed_number(x, 3) : concat(x > 0 ? "+" : "", plain_number(x, 3));
  };
  return c.n < 2 ? show(c.difference)
                 : concat(show(c.difference), " [", show(c.low), ", ", show(c.high), "]");
}

std::string method_title(const Source& source) {
  return is_published(source) ? source.method + ", published" : source.method;
}

std::string bold(const std::string& cell) {
  return "**" + cell + "**";
}

std::optional<std::string> unbolded(const std::string& cell) {
  if (cell.size() <= 4 || !cell.starts_with("**") || !cell.ends_with("**")) return std::nullopt;
  return cell.substr(2, cell.size() - 4);
}

namespace {

// One settings' numbers of a row.
struct Cells {
  Summary summary;
  Comparison against;
  bool itself = false;
};

struct Row {
  std::string method, scores;
  std::optional<Cells> settings[2];  // corrected, published
};

std::vector<Row> rows_of(const TextSet& set, const Metric& metric) {
  const std::vector<double>* other = set.find(metric.key, reference(metric));
  std::vector<Row> rows;
  for (const Source& source : sources_of(set, metric)) {
    auto row = std::ranges::find_if(
        rows, [&](const Row& r) { return r.method == source.method && r.scores == source.scores; });
    if (row == rows.end()) row = rows.insert(row, {source.method, source.scores});
    const std::vector<double>& values = *set.find(metric.key, source);
    Cells cells{summarise(values), {}, source == reference(metric)};
    if (other != nullptr) cells.against = paired(values, *other);
    row->settings[is_published(source)] = cells;
  }
  return rows;
}

double best_of(const std::vector<Row>& rows, std::size_t settings, Direction direction) {
  double best = NAN;
  for (const Row& row : rows) {
    if (!row.settings[settings]) continue;
    const double mean = row.settings[settings]->summary.mean;
    if (std::isnan(best) || is_better(mean, best, direction)) best = mean;
  }
  return best;
}

void add_cells(std::vector<std::string>& row, const std::optional<Cells>& cells, const Metric& metric,
               double best) {
  if (!cells) return row.insert(row.end(), {"–", "", "", ""}), void();
  const std::string mean = mean_text(metric, cells->summary);
  row.push_back(cells->summary.mean == best ? bold(mean) : mean);
  row.push_back(count_text(cells->summary.n));
  if (cells->itself || cells->against.n == 0)
    row.insert(row.end(), {cells->itself ? "reference" : "–", ""});
  else
    row.insert(row.end(), {difference_text(metric, cells->against),
                           cells->against.n < 2 ? "–" : word(standing(cells->against, metric.direction))});
}

}  // namespace

Table metric_table(const Study& study, const TextSet& set, const Metric& metric) {
  using enum Table::Align;
  const std::vector<Row> rows = rows_of(set, metric);
  const bool published = std::ranges::any_of(rows, [](const Row& r) { return r.settings[1].has_value(); });
  const auto paper_of = [&](const Row& r) -> std::optional<double> {
    if (!r.settings[1]) return std::nullopt;
    return paper_number(study, set.corpus + "." + metric.key, set.model, {r.method, "", r.scores});
  };
  const bool paper = std::ranges::any_of(rows, [&](const Row& r) { return paper_of(r).has_value(); });
  std::vector<Table::Column> columns = {{"method"}};
  if (metric.of_scores) columns.push_back({"scores"});
  for (std::size_t s = 0; s < (published ? 2 : 1); ++s)
    for (const auto& column : {Table::Column{s == 0 ? "corrected" : "published settings", right},
                               {"n", right},
                               {"minus slalom-fidel [95 %]", right},
                               {"verdict"}})
      columns.push_back(column);
  if (paper) columns.push_back({"[paper]", right});
  Table table(columns);
  const double best[] = {best_of(rows, 0, metric.direction), best_of(rows, 1, metric.direction)};
  for (const Row& r : rows) {
    std::vector<std::string> row = {r.method};
    if (metric.of_scores) row.push_back(r.scores);
    for (std::size_t s = 0; s < (published ? 2 : 1); ++s) add_cells(row, r.settings[s], metric, best[s]);
    if (paper) row.push_back(paper_of(r) ? number_text(metric, *paper_of(r)) : "");
    table.add_row(row);
  }
  return table;
}

std::vector<Block> metric_blocks(const Study& study, const std::vector<std::string>& metrics) {
  std::vector<Block> blocks;
  for (const TextSet& set : study.groups)
    for (const std::string& key : metrics) {
      if (!set.has(key)) continue;
      const Metric& metric = metric_named(key);
      blocks.push_back({.heading = set.title(),
                        .note = concat(metric.title, "; ", name(metric.direction),
                                       metric.unit == "1" ? "" : "; " + metric.unit, ". ", set.texts,
                                       set.texts == 1 ? " text." : " texts."),
                        .table = metric_table(study, set, metric)});
    }
  return blocks;
}

}  // namespace slalom::text_tables
