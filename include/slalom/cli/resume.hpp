// Output that can be gone on with: which rows of the input are finished in the lines that an earlier process
// left.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "slalom/base/json.hpp"
#include "slalom/cli/shard.hpp"
#include "slalom/data/rows.hpp"

namespace slalom {

/// Of all that the output of a row depends on besides the settings of the run; `so_far` continues that of the
/// rows before.
std::string fingerprint_of(const InputRow& row, std::string so_far = {});

/// Throws Error naming the first field of `wanted` that is not the same in `found`; `whose` are the wanted
/// ones.
void check_fields(const Json& found, const Json& wanted, const std::string& where, const std::string& whose,
                  const std::string& hint);

/// The first rows of the input, or of the shard, are finished; `bytes` of `file` hold them.
struct FinishedRows {
  struct Row {
    std::string id_json, input;  // input: the row's fingerprint
  };
  std::string file;
  std::vector<Row> rows;
  std::uint64_t bytes = 0;
  Index failed = 0;  // of them, rows whose line is an error
};

/// Reads partial_name(path), or `path` if there is none; neither: nothing is finished. The last row of them
/// may have lost lines and counts as unfinished. Throws Error naming file, line and field if a line is none
/// of a run with these settings: its fields of the object `settings` must be equal; or if it is another
/// shard's.
FinishedRows finished_rows(const std::string& path, const Json& settings,
                           const std::optional<Shard>& shard = {});
/// The partial file of `path`, where the rows to come are appended, begins with those that are finished.
void begin_partial(const std::string& path, const FinishedRows& finished);

}  // namespace slalom
