// What experiments have in common: finished parts that are kept on disk, and the report.
#pragma once

#include <functional>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "estimate.hpp"
#include "slalom/base/error.hpp"
#include "slalom/base/json.hpp"
#include "slalom/base/progress.hpp"
#include "slalom/report/expected.hpp"
#include "slalom/report/figure.hpp"
#include "slalom/report/table.hpp"

namespace slalom::experiment {

struct Options {
  std::string size;  // tiny, default or paper
  std::uint64_t seed = 0;
  std::string folder;                 // of everything that is written
  std::vector<Expectation> expected;  // what the results are compared with
  bool fresh = false;                 // do anew what an earlier run left finished
  bool quiet = false;
  ProgressMode progress = ProgressMode::automatic;
};

/// A part of an experiment that is done once: its record and its checkpoint are
/// FOLDER/work/NAME_FINGERPRINT.*. The fingerprint is that of the settings, so other settings have other
/// files. There is a checkpoint until there is a record.
class Part {
 public:
  /// `settings` is all that the result depends on; version and bytes of this program are added.
  Part(const Options& options, const std::string& name, Json settings);

  const std::string& settings() const { return settings_; }
  std::string checkpoint() const { return path_ + ".checkpoint.safetensors"; }
  std::string record_path() const { return path_ + ".json"; }
  /// What save() left; nothing if the part is not finished, or to be done anew.
  std::optional<Json> load() const;
  void save(const Json& record) const;

 private:
  std::string settings_, path_;
  bool fresh_;
};

/// The part's record: as an earlier run left it, else as `compute` gives it.
Json finished(const Options& options, const std::string& name, Json settings,
              const std::function<Json(const Part&)>& compute);

/// A number of a record. NaN is null there, which is all that JSON has for it.
inline double number(const Json& value) {
  return value.is_null() ? std::numeric_limits<double>::quiet_NaN() : value.get<double>();
}

/// Seconds that `work` takes.
double seconds_of(const std::function<void()>& work);

/// "12.3 ± 0.4": mean and standard error; the mean alone of a single number, "-" of none.
std::string show_mean(std::span<const double> values, int decimals);

struct Section {
  std::string text;  // Markdown above the table
  Table table;
};
struct Report {
  std::string title;
  std::vector<Section> sections;
  Figure figure;
  Table curves;                 // the numbers behind the figure
  Json about = Json::object();  // further fields of results.json
  std::vector<Json> records;    // its "models"
  Estimates found;              // every number that expected.tsv and the claims may speak of
};
/// Name, found, low, high and holds of each, as a JSON array; null for what is infinite or no number.
std::string checks_json(const std::vector<Verdict>& verdicts);

/// README.md, results.json, curves.csv and figure.svg in the folder; the tables on stdout. True
/// if every expectation holds.
bool publish(const Report& report, const Options& options);

}  // namespace slalom::experiment
