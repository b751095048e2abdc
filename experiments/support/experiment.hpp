// What the studies have in common: options, finished parts that are kept on disk, and the report.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "estimate.hpp"
#include "slalom/base/error.hpp"
#include "slalom/base/json.hpp"
#include "slalom/base/progress.hpp"
#include "slalom/cli/options.hpp"
#include "slalom/cli/shard.hpp"
#include "slalom/report/expected.hpp"
#include "slalom/report/figure.hpp"
#include "slalom/report/table.hpp"

namespace slalom::experiment {

// --- the program of a study ------------------------------------------------------------------------------

struct Options {
  std::string size;  // tiny, default or paper
  std::uint64_t seed = 0;
  std::string folder;                 // of everything that is written
  std::vector<Expectation> expected;  // what the results are compared with
  bool fresh = false;                 // do anew what an earlier run left finished
  bool quiet = false;
  ProgressMode progress = ProgressMode::automatic;
  int format = 1;  // of the study's records, see Part
  Json recorded;   // results.json of an earlier run, of which the report is made anew; null: a run
  std::optional<Shard> shard;
};
/// Whether the run is a shard, whose parts are done: it ends without a report, and says so.
bool is_shard(const Options& options);

/// A program with --size, --expected, --fresh, --records and --shard beside its own options and the common
/// ones.
Command study(const std::string& program, const std::string& summary, OptionTable own,
              int (*run)(const ParsedOptions&));
/// main() of a program with one command.
int run_command(int argc, char** argv, const Command& command);

/// Without --output the folder is out/PROGRAM. Nothing is expected.
Options read_run(const ParsedOptions& parsed, const std::string& program, int format);
/// The same, and what is expected: without --expected it is experiments/PROGRAM/expected.tsv, or
/// expected_tiny.tsv.
Options read_options(const ParsedOptions& parsed, const std::string& program, int format);
/// The list of this name in the recorded results. Throws Error without one.
std::vector<Json> recorded_list(const Options& options, const char* name);

/// How often models of a depth are trained, each time with another seed.
struct Depth {
  Index layers, runs;
};
/// --layers, such as "1,2", and --runs, such as "5" or "5,2". Throws UsageError for anything else than
/// different depths from 1 to 1000, and for other runs than one number from 1 for all depths or one for each.
std::vector<Depth> read_depths(const std::string& layers, const std::string& runs);
/// What belongs to the size of this name.
template <class Sizes>
Sizes of_size(const std::string& name, const Sizes& tiny, const Sizes& standard, const Sizes& paper) {
  return name == "tiny" ? tiny : name == "paper" ? paper : standard;
}

// --- what is done once -----------------------------------------------------------------------------------

/// A part of a study that is done once: its record and its checkpoint are FOLDER/work/NAME_FINGERPRINT.*. The
/// fingerprint is that of the settings, so other settings have other files. There is a checkpoint until there
/// is a record.
class Part {
 public:
  /// `settings` is all that the result depends on but for the program: whoever changes what a study computes
  /// raises the format number in its main.cpp, which is added here.
  Part(const Options& options, const std::string& name, Json settings);

  const std::string& settings() const { return settings_; }
  std::string checkpoint() const { return path_ + ".checkpoint.safetensors"; }
  /// What save() left; null if the part is not finished, or to be done anew.
  Json load() const;
  void save(const Json& record) const;
  /// Whether it is the shard's, which its fingerprint decides: parts are not in an order.
  bool is_of(const Shard& shard) const;

 private:
  std::string settings_, fingerprint_, path_;
  bool fresh_;
};

using Compute = std::function<Json(const Part&)>;
/// The part's record: as an earlier run left it, else as `compute` gives it; null for one that is left to
/// another shard.
Json finished(const Options& options, const std::string& name, const Json& settings, const Compute& compute);
/// The same of a part that leaves a model in a folder; it is done anew if that is no longer the same model.
Json finished_model(const Options& options, const std::string& name, const Json& settings,
                    const std::string& folder, const Compute& compute);
/// SHA-256 of a model folder's configuration and weights; "" if they are not there.
std::string weights_of(const std::string& folder);

/// Seconds that `work` takes.
double seconds_of(const std::function<void()>& work);

// --- numbers of records ----------------------------------------------------------------------------------

/// A number of a record. NaN is null there, which is all that JSON has for it.
double number(const Json& value);
using NumberOf = std::function<double(const Json& record)>;
/// A field, or with "/" between the names one of an object in it.
NumberOf field(const std::string& path);

/// The records of one model, one a run.
struct Runs {
  std::string name, title;
  std::vector<const Json*> records;

  std::vector<double> values(const NumberOf& of) const;
  double mean(const NumberOf& of) const;
  /// NaN without records.
  double lowest(const NumberOf& of) const;
  double highest(const NumberOf& of) const;
  /// "12.3 ± 0.4": mean and standard error; the mean alone of a single number, "-" of none.
  std::string show(const NumberOf& of, int decimals) const;
};
/// By "model" and "title", in the order of the records.
std::vector<Runs> by_model(const std::vector<Json>& records);
/// NAME.WHAT: the mean over the runs; NAME.WHAT.lowest and NAME.WHAT.highest.
void add_estimates(const Runs& runs, const std::string& what, const NumberOf& of, Estimates& found);

/// 1, 2, … n.
std::vector<double> counts_to(Index n);

/// Cells of a record: the field as it is, a number with so many decimals, or with so many digits.
using Cell = std::function<std::string(const Json& record)>;
Cell as_is(const std::string& path);
Cell with_decimals(const NumberOf& of, int decimals);
Cell with_digits(const NumberOf& of, int digits);

template <class Item>
struct Column {
  std::string header;
  std::function<std::string(const Item&)> cell;
  Table::Align align = Table::Align::right;  // the first column is always left
};
/// A row for each item.
template <class Item>
Table table_of(const std::vector<Item>& items, const std::vector<Column<Item>>& columns) {
  std::vector<Table::Column> headers;
  for (const auto& [header, cell, align] : columns)
    headers.push_back({header, headers.empty() ? Table::Align::left : align});
  Table table(headers);
  for (const Item& item : items) {
    std::vector<std::string> row;
    for (const Column<Item>& column : columns) row.push_back(column.cell(item));
    table.add_row(std::move(row));
  }
  return table;
}

/// Words in lines of at most so many columns of a terminal; at least one line.
std::vector<std::string> wrapped(const std::string& words, Index columns);

// --- the report ------------------------------------------------------------------------------------------

struct ReportTable {
  std::string text;  // Markdown above the table
  Table table;
};
struct Report {
  std::string title;
  std::vector<ReportTable> sections;
  Figure figure;
  Table curves;                 // the numbers behind the figure
  Json about = Json::object();  // further fields of results.json
  std::vector<Json> records;    // its "models"
  Estimates found;              // every number that expected.tsv and the claims may speak of
};
/// results.json: version, size, seed and `about` on top, then these lists, the estimates and the verdicts.
using Lists = std::vector<std::pair<std::string, std::vector<Json>>>;
void write_results(const Options& options, const Json& about, const Lists& lists, const Estimates& found,
                   const std::vector<Verdict>& verdicts);
std::vector<Verdict> verdicts_on(const Estimates& found, const std::vector<Expectation>& expected);
/// Whether all of them hold.
int exit_status(const std::vector<Verdict>& verdicts);
/// README.md, results.json, curves.csv and figure.svg in the folder; the tables on stdout. The
/// exit status says whether every expectation holds.
int publish(const Report& report, const Options& options);

}  // namespace slalom::experiment
