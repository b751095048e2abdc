// Input rows of the command line as token ids (README, "Command line"): {"input_ids": […]}, special tokens
// included, or {"text": "…", "text_pair": "…"} for models with a tokenizer; "id", "label", "log_odds",
// "scores", "token_type_ids" where there are any.
#pragma once

#include <array>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "slalom/data/texts.hpp"
#include "slalom/nn/problem_type.hpp"
#include "slalom/text/tokenizer.hpp"

namespace slalom {

/// S ≥ 1 tokens, and what the row says of them.
struct InputRow : Encoding {
  std::string id_json;              // the row's id as JSON; without one its number, from 0
  std::array<std::string, 2> text;  // the row's text and the second one of a pair; empty for rows of ids
  int texts = 0;                    // how many of them it has
  std::optional<int> label;         // class number
  std::vector<double> targets;      // instead of it (C): of each label 0 or 1, or a regression's numbers
  std::optional<double> log_odds;   // nats
  std::vector<double> scores;       // (S) given for the tokens, NaN where null; or empty
  Index line = 0;                   // in its file, from 1
};

/// What the numbers of a row must stay below.
struct RowLimits {
  Index vocabulary = 0;  // ids 0 … vocabulary − 1
  int classes = 2;       // C; labels 0 … C − 1; 0: targets are as many as the row has
  ProblemType problem = ProblemType::single_label;    // what a label is
  Index longest = std::numeric_limits<Index>::max();  // tokens of a text
  Index types = 2;           // token_type_ids 0 … types − 1; of 1 a tokenizer's are dropped
  bool empty_texts = false;  // a text may have no tokens
};

/// Reads one row at a time; the file may be gzip, or "-" for stdin. Empty lines are skipped.
class RowReader {
 public:
  /// `tokenizer` may be null: then rows need input_ids. It must outlive the reader. Throws Error if the file
  /// cannot be read.
  RowReader(const std::string& path, RowLimits limits, const Tokenizer* tokenizer = nullptr,
            RowFormat format = RowFormat::automatic, CsvColumns columns = {});
  /// False at the end of the file. Throws RowError with file, line and field for a bad row; row.id_json is
  /// its id then, too, or its number where that is not known. `row` keeps its memory.
  bool next(InputRow& row);

 private:
  RowObjects objects_;
  RowLimits limits_;
  const Tokenizer* tokenizer_;
};

/// The id and the tokens of a row that is such an object. Throws Error as RowReader does.
InputRow row_of_object(const Json& object, const RowLimits& limits, const Tokenizer* tokenizer,
                       const std::string& where);

/// The row of one text, or of a pair. Throws Error as RowReader does; `where` names the text.
InputRow row_of_text(const std::string& text, const std::optional<std::string>& pair, RowLimits limits,
                     const Tokenizer& tokenizer, const std::string& where);

}  // namespace slalom
