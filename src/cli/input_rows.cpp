#include "slalom/cli/input_rows.hpp"

#include <unistd.h>

#include <filesystem>
#include <nlohmann/json.hpp>

namespace slalom {

OptionTable text_options() {
  const OptionTable texts = {{"text", "TEXT", "", "one text instead of --input"},
                             {"text-pair", "TEXT", "", "the second text of a pair", "text", "", "text"}};
  return joined({texts, grouped("text", format_options(), "text")});
}

OptionTable format_options() {
  return grouped("text", {{"format", "jsonl|csv|tsv|text|auto", "auto",
                           "of rows; tsv: label, tab, text; text: a line each"},
                          {"text-column", "NAME", "text", "of CSV, as its header names it"},
                          {"label-column", "NAME", "label", "the same"}});
}

RowFormat row_format(const ParsedOptions& parsed) {
  return row_format_named(parsed["format"].word);
}

CsvColumns csv_columns(const ParsedOptions& parsed) {
  return {parsed["text-column"].word, parsed["label-column"].word};
}

RowLimits row_limits(const ClassifierConfig& config) {
  RowLimits limits{.vocabulary = config.vocabulary,
                   .classes = static_cast<int>(config.labels),
                   .problem = config.problem(),
                   .types = config.traits().has_types ? config.types : 2};
  if (config.positions == Positions::learned) limits.longest = config.max_positions;
  return limits;
}

void say_waiting(const CommonOptions& common, const std::string& instead) {
  if (common.input == "-" && !common.quiet && ::isatty(STDIN_FILENO) == 1)
    say("waiting for rows on stdin, a line each, until Ctrl-D; " + instead);
}

Index rows_ahead(const ParsedOptions& parsed, const CommonOptions& common) {
  if (!is_shown(common.progress) || !std::filesystem::is_regular_file(common.input)) return 0;
  RowObjects rows(common.input, row_format(parsed), csv_columns(parsed));
  Index count = 0;
  for (Json row;; ++count) {
    try {
      if (!rows.next(row)) return count;
    } catch (const RowError&) {
      continue;
    }
  }
}

JsonRow error_row(const std::string& id_json, Index number, const std::string& error) {
  JsonRow row;
  row.raw("id", id_json).field("row", number).field("error", error);
  return row;
}

int status_of_lines(Index failed, Index rows, bool quiet) {
  if (failed > 0 && !quiet) say(concat(failed, " of ", rows, " rows failed: their lines have an \"error\""));
  return static_cast<int>(failed > 0 ? ExitStatus::incomplete : ExitStatus::done);
}

TokenRows token_rows(const ParsedOptions& parsed, const CommonOptions& common, const RowLimits& limits,
                     const Tokenizer* tokenizer, const std::string& progress, const BlackBox* queried,
                     Index block) {
  const auto source = [&]() -> std::variant<RowReader, InputRow> {
    if (parsed.count("text") == 0)
      return RowReader(common.input, limits, tokenizer, row_format(parsed), csv_columns(parsed));
    if (tokenizer == nullptr && common.model.empty())
      throw Error("--text: no tokenizer for it", "--tokenizer DIR has the program's");
    if (tokenizer == nullptr)
      throw Error("--text: the model's folder has no tokenizer files", "give rows of input_ids with --input");
    std::optional<std::string> pair;
    if (parsed.count("text-pair") > 0) pair = parsed["text-pair"].word;
    return row_of_text(parsed["text"].word, pair, limits, *tokenizer, "--text");
  };
  return {source(), parsed, common, progress, queried, block};
}

}  // namespace slalom
