// What slalom train trains on: generated texts, or the rows of a file.
#pragma once

#include "slalom/cli/input_rows.hpp"
#include "slalom/data/batch.hpp"
#include "slalom/data/synthetic.hpp"
#include "slalom/nn/config.hpp"

namespace slalom {

inline constexpr Index kMostIds = 10'000'000;  ///< of a vocabulary

/// Where the texts come from, and what the model must be able to read.
struct DataSet {
  std::unique_ptr<SyntheticSource> source;  // of synthetic data
  std::vector<InputRow> rows;               // of a file
  PackedBatch held_out;                     // its last ones
  SpecialTokens special;                    // of the texts' vocabulary
  Index vocabulary = 0, labels = 2;
  std::string fingerprint;  // of what was read
};

/// `config` is that of a model that is there, null for a new one. Throws Error as RowReader does, UsageError
/// for options that do not go together.
DataSet open_data(const ParsedOptions& parsed, const CommonOptions& common, Architecture architecture,
                  const ClassifierConfig* config);

/// Whose files turn texts into ids: the model's, or those of --tokenizer; empty for none.
std::string tokenizer_folder(const ParsedOptions& parsed, const CommonOptions& common);

}  // namespace slalom
