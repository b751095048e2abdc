// Input rows of the command line as token ids (docs/cli.md): one JSON object a line,
// {"input_ids": […], "id": …, "label": …, "log_odds": …, "scores": […]}, special tokens included.
#pragma once

#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "slalom/base/files.hpp"
#include "slalom/base/token.hpp"

namespace slalom {

struct InputRow {
  std::string id_json;             // the row's id as JSON; without one its number, from 0
  std::vector<TokenId> ids;        // (S), S ≥ 1
  std::optional<int> label;        // class number
  std::optional<double> log_odds;  // nats
  std::vector<double> scores;      // (S) given for the tokens, NaN where null; or empty
  Index line = 0;                  // in its file, from 1
};

/// What the numbers of a row must stay below.
struct RowLimits {
  Index vocabulary = 0;                               // ids 0 … vocabulary − 1
  int classes = 2;                                    // labels 0 … classes − 1
  Index longest = std::numeric_limits<Index>::max();  // tokens of a text
};

/// Reads one row at a time; the file may be gzip, or "-" for stdin. Empty lines are skipped.
class RowReader {
 public:
  /// Throws Error if the file cannot be read.
  RowReader(const std::string& path, RowLimits limits);
  /// False at the end of the file. Throws Error with file, line and field for a bad row; `row` keeps its
  /// memory.
  bool next(InputRow& row);

 private:
  LineReader lines_;
  RowLimits limits_;
  std::string line_;
  Index rows_ = 0;
};

}  // namespace slalom
