// Tables and figures of the paper's section 6 on texts, made of the text study's records.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
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

  auto operator<=>(const Source&) const = default;
  bool is_published() const { return settings == kPublished; }
};
std::string method_title(const Source& source);  // "slalom-fidel, published"

// --- records ---------------------------------------------------------------------------------------------

/// The numbers of the texts of one corpus under one model.
struct TextSet {
  std::string corpus, corpus_title, model, model_title;
  Index texts = 0;              // of all models
  std::vector<Index> seeds;     // (texts) of the model that each was asked of
  std::vector<Source> methods;  // in the order of the records; scores are ""
  /// By metric (its key), then by source: (texts), NaN where a text has none.
  std::map<std::string, std::map<Source, std::vector<double>>> values;
  std::multimap<std::size_t, ReportedText> examples;       // the shortest texts, by their numbers of tokens
  std::string group;                                       // key of the set that this one is pooled in, or ""
  std::shared_ptr<const experiment::Bootstrap> bootstrap;  // of the texts, where all have been read

  std::string key() const { return corpus + "." + model; }
  std::string title() const { return corpus_title + ", " + model_title; }
  /// "3 texts." or "300 texts of 3 models."
  std::string size() const;
  /// Null if no text has such a number.
  const std::vector<double>* find(const std::string& metric, const Source& source) const;
  bool has(const std::string& metric) const;
};

/// Timed explanations of one text, a repeat each.
struct Timing {
  std::string model, model_title;
  Source source;
  Index samples = 0;
  std::vector<double> seconds, tokens, queries, token_forwards;
};

/// Errors of a surrogate at each level of removal.
struct ShareErrors {
  std::string fit, surrogate;            // "small": fitted to deletions of up to ten tokens, or "all"
  std::vector<std::vector<double>> mse;  // (texts) of (levels), nats²
};
struct ShareSet {
  std::string title;
  std::vector<std::string> levels;
  std::vector<Index> texts, seeds;  // their numbers, and those of the models that they were asked of
  std::vector<double> tokens;       // (texts)
  std::vector<ShareErrors> errors;
};
/// Adds a text. Throws Error for other fields than the record should have, for other levels or surrogates
/// than the texts before have, and for a text that is there twice of the same model.
void add_shares(const Json& record, const std::string& where, ShareSet& set);

/// A number that the paper's notebooks print; `method` as in "slalom-eff:linear".
struct PaperNumber {
  std::string item, model, method;
  double number = 0;
};

struct Study {
  Json about;                   // of the records; null if they do not say
  std::vector<TextSet> sets;    // as recorded, human marks by length
  std::vector<TextSet> groups;  // the same, lengths of human marks pooled
  std::vector<Timing> timings;
  std::vector<ShareSet> shares;
  std::vector<PaperNumber> paper;
};
/// Reads FOLDER/records or, without it, FOLDER, .jsonl or .jsonl.gz; models that differ in their seeds are
/// one set. Throws Error with file, line, field, found and wanted for anything else than such records, and
/// for a text that is there twice of the same model.
Study read_study(const std::string& folder);

// --- numbers ---------------------------------------------------------------------------------------------

struct Metric {
  std::string key, title, unit;
  Direction direction;
  bool of_scores;  // each kind of scores has its own number
};
/// All that tables speak of, in the order of the tables. Throws Error for a key that is not there.
const std::vector<Metric>& all_metrics();
const Metric& metric_named(const std::string& key);

/// What all others are compared with: slalom-fidel, corrected; its linear scores for metrics of scores.
Source reference(const Metric& metric);

/// A mean over texts, and the paired difference from reference() over the texts that have both.
struct Number {
  const TextSet* set;
  const Metric* metric;
  Source source;
  Summary summary;
  Index pairs = 0;
  experiment::Estimate difference;

  bool is_reference() const { return source == reference(*metric); }
};
/// Of all sources, kinds of scores that rank the tokens first.
std::vector<Number> numbers_of(const TextSet& set, const Metric& metric);
/// "better", "worse", or "undecided" where the interval of the difference holds 0.
const char* standing(const experiment::Estimate& difference, Direction direction);
double median(std::vector<double> values);  // NaN of none

/// What expected.tsv and the claims may speak of; README.md says how it is named.
experiment::Estimates estimates(const Study& study);
void add_share_estimates(const Study& study, experiment::Estimates& found);
/// Empty where the paper has none. `item` is "CORPUS.METRIC", the corpus pooled, or "runtime".
std::optional<double> paper_number(const Study& study, const std::string& item, const std::string& model,
                                   const Source& source);

// --- what a report is made of ----------------------------------------------------------------------------

struct Block {
  std::string heading, note;
  std::optional<Table> table;
  std::optional<Figure> figure;
  std::string stem;      // of the figure's files
  std::string html;      // for the page alone, escaped
  std::string markdown;  // what README.md has in its place
  bool closed = false;   // the page shows it on demand
};
struct Section {
  std::string id, item, title, text;  // `item` as --item names it, "" for all
  std::vector<Block> blocks = {};
};

/// A cell of a table of methods; `value` tells the best of a column.
struct MethodCell {
  std::string text = "–";
  double value = NAN;
};
struct MethodColumn {
  std::string header;
  std::function<MethodCell(const Source&)> cell;
  std::optional<Direction> best = {};  // the best of its settings is bold
  Table::Align align = Table::Align::right;
};
/// A row for each source, the settings of a method one below the other; with a column of scores where sources
/// have them.
Table method_table(std::vector<Source> sources, const std::vector<MethodColumn>& columns);
/// "0.612 ± 0.014" as the metric's unit asks for, the number alone for n = 1; and n. The set must outlive
/// them.
MethodColumn mean_column(const std::string& header, const TextSet& set, const Metric& metric);
MethodColumn count_column(const TextSet& set, const std::string& metric);
/// Marks a cell of the best number of a column; the cell without the mark, if it has one.
std::string bold(const std::string& cell);
std::optional<std::string> unbolded(const std::string& cell);
std::string number_text(const Metric& metric, double x);

/// Sections about agreement with bags of words, people and a known truth, about faithfulness and cost.
std::vector<Section> agreement_sections(const Study& study);
Section faithfulness_section(const Study& study);
Section removal_section(const Study& study);
Section removed_shares_section(const Study& study);
Section runtime_section(const Study& study);
Section cost_section(const Study& study);
/// The table of one metric: means, differences from reference(), verdicts, and the paper's numbers of methods
/// in published settings.
Table metric_table(const Study& study, const TextSet& set, const Metric& metric);
/// Writes plane_N_SETTINGS.svg into the folder.
Section planes_section(const Study& study, const std::string& folder);

/// One self-contained page.
std::string page_html(const std::string& title, const std::string& lead,
                      const std::vector<Section>& sections);

}  // namespace slalom::text_tables
