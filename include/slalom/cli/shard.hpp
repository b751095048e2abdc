// Shares of a run that several processes work on: its rows are dealt out in turn, and `slalom merge` puts the
// outputs together.
#pragma once

#include <optional>
#include <string>

#include "slalom/base/json.hpp"
#include "slalom/cli/options.hpp"

namespace slalom {

/// Row r, from 0, is that of shard 1 + r mod n. Where rows are computed together their last bits depend on
/// each other, so that those are dealt out in blocks.
struct Shard {
  Index number = 1, of = 1;
  Index block = 1;  // rows

  bool has(Index row) const { return row / block % of == number - 1; }
  /// The number of its k-th row, from 0; of blocks of one.
  Index row(Index k) const { return number - 1 + k * of; }
  /// "2/7".
  std::string text() const;
};

/// Of "2/7"; nullopt for anything else.
std::optional<Shard> shard_of_text(const std::string& text);

/// --shard.
OptionTable shard_options();
/// What it says, with blocks of one row; auto is what Slurm or MPI said to this process. Throws UsageError
/// for no i/n, and if nothing was said.
std::optional<Shard> read_shard(const ParsedOptions& parsed);

/// The last line of a shard's output, which says that it is complete: {"shard":"2/7","block":…,"rows":…,
/// "input":…,"settings":{…}}. `rows` are those of the whole input, `input` is their fingerprint; `settings`,
/// the command among them, are all else that the output depends on.
std::string end_of_shard(const Shard& shard, Index rows, const std::string& input, const Json& settings);

}  // namespace slalom
