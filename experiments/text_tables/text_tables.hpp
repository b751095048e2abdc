// Tables and figures of the paper's section 6 on texts, made of the text study's records.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include "../support/experiment.hpp"
#include "slalom/metrics/metric.hpp"
#include "slalom/report/reported_text.hpp"

namespace slalom::text_tables {

inline constexpr const char* kCorrected = "corrected";
inline constexpr const char* kPublished = "published";

/// What numbers are of: a method, its settings, and which of its scores ("linear", "weight" …); scores are ""
/// where a number is one of the method, not of one kind of its scores.
struct Source {
  std::string method, settings, scores;

  bool operator==(const Source&) const = default;
  bool operator<(const Source& other) const {
    return std::tie(method, settings, scores) < std::tie(other.method, other.settings, other.scores);
  }
};

inline bool is_published(const Source& source) {
  return source.settings == kPublished;
}
/// The settings of a method next to each other, methods in the order of their first.
std::vector<Source> by_method(std::vector<Source> sources);

struct Metric {
  std::string key, title, unit;
  Direction direction;
  bool of_scores;  // each kind of scores has its own number

  bool is_cost() const { return unit == "queries" || unit == "tokens" || unit == "s"; }
};
/// All that tables speak of, in the order of the tables. Throws Error for a key that is not there.
const std::vector<Metric>& all_metrics();
const Metric& metric_named(const std::string& key);

/// The numbers of the texts of one corpus under one model.
struct TextSet {
  std::string corpus, corpus_title, model, model_title;
  Index texts = 0;
  std::vector<Source> methods;  // in the order of the records; scores are ""
  /// By metric (its key), then by source: (texts), NaN where a text has none.
  std::map<std::string, std::map<Source, std::vector<double>>> values;
  std::multimap<std::size_t, ReportedText> examples;  // the shortest texts, by their numbers of tokens

  std::string key() const { return corpus + "." + model; }
  std::string title() const { return corpus_title + ", " + model_title; }
  /// Nothing if no text has such a number.
  const std::vector<double>* find(const std::string& metric, const Source& source) const;
  bool has(const std::string& metric) const;
};

/// One timed explanation.
struct TimedRun {
  std::string model, model_title;
  Source source;
  Index tokens = 0, samples = 0;
  double seconds = 0;
  QueryCost cost;
};

/// A number that the paper's notebooks print; `method` as in "slalom-eff:linear".
struct PaperNumber {
  std::string item, model, method, remark;
  double number = 0;
};

struct Study {
  Json about;                                // of the records; null if they do not say
  std::vector<TextSet> sets;                 // as recorded, human marks by length
  std::vector<TextSet> groups;               // the same, lengths of human marks pooled
  std::map<std::string, std::string> parts;  // of what is pooled: the set's key and its group's
  std::vector<TimedRun> runs;
  std::vector<PaperNumber> paper;
};
/// Reads FOLDER/records. Throws Error with file, line, field, found and wanted for anything else than such
/// records, and for a text that is there twice.
Study read_study(const std::string& folder);
std::vector<PaperNumber> read_paper(const std::string& path);
/// Empty where the paper has none. `corpus` is the pooled one.
std::optional<double> paper_number(const Study& study, const std::string& item, const std::string& model,
                                   const Source& source);

/// a − b over the texts that have both: mean, and the 95 % interval of Student's t with n − 1 degrees of
/// freedom (NaN for n < 2).
struct Comparison {
  Index n = 0;
  double difference = 0, low = 0, high = 0;
};
Comparison paired(std::span<const double> a, std::span<const double> b);

/// False where one of them is NaN.
bool is_better(double a, double b, Direction direction);

enum class Standing { better, worse, undecided };
/// Undecided if the interval holds 0 or is not known.
Standing standing(const Comparison& comparison, Direction direction);
const char* word(Standing standing);  // "better", "worse", "no difference"

/// What all others are compared with: slalom-fidel, corrected; its linear scores for metrics of scores.
Source reference(const Metric& metric);
/// The scores that stand for a method where it has several: "linear" or "weight".
Source ranking_source(const TextSet& set, const Metric& metric, const Source& method);
std::vector<Source> sources_of(const TextSet& set, const Metric& metric);
double median(std::vector<double> values);  // NaN of none

// --- what a report is made of ---

struct Block {
  std::string heading, note;
  std::optional<Table> table;
  std::optional<Figure> figure;
  std::string stem;      // of the figure's file
  std::string html;      // for the page alone, escaped
  std::string markdown;  // what README.md has in its place
  bool closed = false;   // the page shows it on demand
};
struct Section {
  std::string id, item, title, text;  // `item` as --item names it, "" for all
  std::vector<Block> blocks;
};

/// "0.612 ± 0.014" as the metric's unit asks for, the number alone for n = 1, "–" for none.
std::string mean_text(const Metric& metric, const Summary& summary);
std::string number_text(const Metric& metric, double x);
/// "−0.05 [−0.08, −0.02]".
std::string difference_text(const Metric& metric, const Comparison& comparison);
std::string method_title(const Source& source);  // "slalom-fidel, published"

/// A row for each method and kind of scores, corrected and published settings side by side, each with the
/// paired difference from reference(); the best of a column in bold; the paper's number where it has this
/// metric of this data, and the method was run in published settings.
Table metric_table(const Study& study, const TextSet& set, const Metric& metric);
/// metric_table() of each metric for each group that has it.
std::vector<Block> metric_blocks(const Study& study, const std::vector<std::string>& metrics);
/// Marks a cell of the best number of a column.
std::string bold(const std::string& cell);
/// The cell without the mark, if it has one.
std::optional<std::string> unbolded(const std::string& cell);

/// Panels of corrected and published settings side by side, a curve a method, log10 of y. Nothing if no
/// method of the figure has a point.
struct MethodCurve {
  Source source;
  std::vector<double> x, y;
};
std::vector<Panel> method_panels(const std::string& title, const std::vector<MethodCurve>& curves,
                                 Panel panel);

Section models_section(const Study& study);
Section naive_bayes_section(const Study& study);
Section human_section(const Study& study);
Section faithfulness_section(const Study& study);
Section removal_section(const Study& study);
Section runtime_section(const Study& study);
Section true_log_odds_section(const Study& study);
Section cost_section(const Study& study);
/// Writes plane_N_SETTINGS.svg into the folder.
Section planes_section(const Study& study, const std::string& folder);

/// Median seconds by model, source and sample count.
struct Timing {
  std::string model, model_title;
  Source source;
  Index samples = 0, repeats = 0;
  double median = 0, fastest = 0, tokens = 0, queries = 0, token_forwards = 0;
  std::vector<double> seconds;  // of each repeat
};
std::vector<Timing> timings(const Study& study);

/// What expected.tsv and the claims may speak of; README.md says how it is named.
experiment::Estimates estimates(const Study& study);

/// One self-contained page.
std::string page_html(const std::string& title, const std::string& lead,
                      const std::vector<Section>& sections);

/// All files into options.folder, the item's tables on stdout. True if every expectation about data that is
/// there holds. Throws Error if the records have nothing for the item.
bool report(const Study& study, const std::string& item, const experiment::Options& options);

/// The make target whose records an item needs.
std::string target_of(const std::string& item);

}  // namespace slalom::text_tables
