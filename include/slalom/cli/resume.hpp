// Output that can be gone on with: which rows of the input are finished in the lines that an earlier process
// left.
#pragma once

#include <string>
#include <vector>

#include "slalom/base/json.hpp"

namespace slalom {

/// The rows 0 … ids.size() − 1 are finished; `bytes` of the partial file hold them.
struct FinishedRows {
  std::vector<std::string> ids;  // their ids as JSON
  std::uint64_t bytes = 0;
  Index failed = 0;  // of them, rows whose line is an error
};

/// Reads partial_name(path), or `path` (which is copied to it) if there is none; neither: nothing is
/// finished. The last row of them may have lost lines and counts as unfinished. Throws Error naming file,
/// line and field if a line is none of a run with these settings: its fields of the object `settings` must be
/// equal.
FinishedRows finished_rows(const std::string& path, const Json& settings);

}  // namespace slalom
