// The options of an experiment's program.
#pragma once

#include "experiment.hpp"
#include "slalom/cli/options.hpp"

namespace slalom::experiment {

/// The common options, --size, --expected and --fresh.
cxxopts::Options command_line(const std::string& program, const std::string& summary);
/// Throws UsageError for a size that does not exist. Without --expected it is
/// experiments/PROGRAM/expected.tsv, or expected_tiny.tsv; without --output out/PROGRAM.
Options read_options(const cxxopts::ParseResult& parsed, const std::string& program);

}  // namespace slalom::experiment
