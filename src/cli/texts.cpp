#include "slalom/cli/texts.hpp"

#include <unistd.h>

#include "slalom/base/error.hpp"
#include "slalom/cli/messages.hpp"

namespace slalom {

OptionTable text_options() {
  const OptionTable texts = {{"text", "TEXT", "", "one text instead of --input"},
                             {"text-pair", "TEXT", "", "the second text of a pair", "text", "", "text"}};
  OptionTable rows = format_options();
  for (Option& option : rows) option.excludes += " text";
  return joined({texts, rows});
}

OptionTable format_options() {
  return grouped("text", {{"format", "jsonl|csv|tsv|text|auto", "auto",
                           "of rows; tsv: label<TAB>text, text: a line each"},
                          {"text-column", "NAME", "text", "of CSV, as its header names it"},
                          {"label-column", "NAME", "label", "the same"}});
}

CsvColumns csv_columns(const ParsedOptions& parsed) {
  return {parsed["text-column"].as<std::string>(), parsed["label-column"].as<std::string>()};
}

OptionTable explaining_options() {
  const OptionTable windows = {
      {"max-length", "N", "0", "tokens, longer texts are cut into windows; 0: the model's", "", "aggregate"},
      {"stride", "N", "0", "tokens from one window to the next; 0: half a window", "", "strict aggregate"},
      {"strict", "", "", "a bad row ends the run, and a text too long fails instead of being cut", "",
       "aggregate"}};
  return joined({text_options(), grouped("text", windows), classifier_options(), explain_options()});
}

void say_waiting(const CommonOptions& common) {
  if (common.input == "-" && !common.quiet && ::isatty(STDIN_FILENO) == 1)
    say("waiting for rows on stdin, a line each, until Ctrl-D; --text TEXT is one text, --input FILE a file "
        "of rows");
}

InputTexts::InputTexts(const ParsedOptions& parsed, const CommonOptions& common, RowLimits limits,
                       const Tokenizer* tokenizer)
    : limits_(limits),
      tokenizer_(tokenizer),
      name_(input_name(common.input)),
      strict_(parsed.count("strict") > 0) {
  if (parsed.count("text") == 0) {
    say_waiting(common);
    rows_.emplace(common.input, limits, tokenizer, row_format_named(parsed["format"].as<std::string>()),
                  csv_columns(parsed));
    return;
  }
  if (tokenizer == nullptr && common.model.empty())
    throw Error("--text: no tokenizer for it", "--tokenizer DIR has the program's");
  if (tokenizer == nullptr)
    throw Error("--text: the model's folder has no tokenizer files", "give rows of input_ids with --input");
  name_ = "--text";
  text_ = parsed["text"].as<std::string>();
  if (parsed.count("text-pair") > 0) pair_ = parsed["text-pair"].as<std::string>();
}

bool InputTexts::next(InputRow& row) {
  bad_row_.reset();
  try {
    if (rows_) return rows_->next(row);
  } catch (const RowError& e) {
    if (strict_) throw;
    bad_row_ = e;
    row = {.id_json = row.id_json, .line = row.line};  // and nothing of the row before
    return true;
  }
  if (!text_) return false;
  row = row_of_text(*text_, pair_, limits_, *tokenizer_, "--text");
  text_.reset();
  return true;
}

JsonRow error_row(const std::string& id_json, Index number, const std::string& error) {
  JsonRow row;
  row.raw("id", id_json).field("row", number).field("error", error);
  return row;
}

int status_of_rows(Index failed, Index rows, const CommonOptions& common) {
  if (failed > 0 && !common.quiet)
    say(concat(failed, " of ", rows, " rows failed: their lines have an \"error\""));
  return static_cast<int>(failed > 0 ? ExitStatus::incomplete : ExitStatus::done);
}

WindowOptions read_window_options(const ParsedOptions& parsed, const OpenedClassifier& classifier) {
  WindowOptions options{.longest = classifier.limits.longest, .strict = parsed.count("strict") > 0};
  if (const Index most = integer_option(parsed, "max-length", 0, 1'000'000'000); most > 0) {
    if (most > options.longest)
      throw UsageError(concat("--max-length ", most, ", the model has ", options.longest, " positions"));
    options.longest = most;
  }
  if (const Index stride = integer_option(parsed, "stride", 0, 1'000'000'000); stride > 0)
    options.stride = stride;
  return options;
}

std::vector<RowWindow> WindowOptions::windows(const InputRow& row, const OpenedClassifier& classifier) const {
  if (std::ssize(row.ids) <= longest) return {RowWindow{}};
  if (strict)
    throw Error(slalom::concat("the text has ", row.ids.size(), " tokens, wanted at most ", longest),
                "without --strict it is cut into windows");
  const auto is_special = [&](TokenId id) { return classifier.tokens.is_special(id); };
  return windows_of(row, longest, stride.value_or(default_stride(row, longest, is_special)), is_special);
}

InputRow WindowOptions::cut(const InputRow& row, const RowWindow& window,
                            const OpenedClassifier& classifier) const {
  return cut_window(row, window, [&](TokenId id) { return classifier.tokens.is_special(id); });
}

}  // namespace slalom
