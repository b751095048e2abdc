// Expected values of an experiment, and whether what was found agrees with them.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "slalom/report/table.hpp"

namespace slalom {

/// `name` is expected in [low, high], in the unit its name states; `source` says who expects it.
struct Expectation {
  std::string name;
  double low, high;
  std::string source;
};

/// Reads an expected.tsv: a line "name<TAB>low<TAB>high<TAB>source", then one expectation a line; -inf and
/// inf are open ends, empty lines and lines that begin with # are skipped. Throws Error with file, line,
/// field, found and wanted for another header, a wrong number of fields, an empty or repeated name, a bound
/// that is no number, low > high, or no expectation at all.
std::vector<Expectation> read_expected(const std::string& path);

struct Verdict {
  Expectation expectation;
  std::optional<double> found;  // nothing if it was not measured

  bool measured() const { return found.has_value(); }
  /// Measured and within the bounds; NaN never holds.
  bool holds() const;
};

/// One verdict an expectation, in their order; names found but not expected are left out.
std::vector<Verdict> compare_with_expected(const std::vector<Expectation>& expectations,
                                           const std::map<std::string, double>& found);

/// Columns name, found, low, high, verdict ("holds", "FAILS", "not measured"), source.
Table verdict_table(const std::vector<Verdict>& verdicts);

}  // namespace slalom
