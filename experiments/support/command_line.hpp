// The options of an experiment's program.
#pragma once

#include "experiment.hpp"
#include "slalom/cli/options.hpp"

namespace slalom::experiment {

/// The common options, its own, --size, --expected and --fresh.
Command command_line(const std::string& program, const std::string& summary, OptionTable own = {});
/// Nothing is expected. Without --output the folder is
/// out/PROGRAM.
Options read_run(const ParsedOptions& parsed, const std::string& program);
/// The same, and what is expected. Without --expected it is
/// experiments/PROGRAM/expected.tsv, or expected_tiny.tsv.
Options read_options(const ParsedOptions& parsed, const std::string& program);
/// Depths of --layers, such as "1,2". Throws UsageError for anything else than different ones from 1 to 1000.
std::vector<Index> read_depths(const std::string& list);

}  // namespace slalom::experiment
