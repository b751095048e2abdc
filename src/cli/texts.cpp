#include "slalom/cli/texts.hpp"

#include "slalom/base/error.hpp"
#include "slalom/cli/messages.hpp"

namespace slalom {

void add_text_options(cxxopts::Options& options) {
  const auto word = [](const char* fallback) {
    return cxxopts::value<std::string>()->default_value(fallback);
  };
  options.add_options("text")("text", "one text instead of --input", word(""), "TEXT")(
      "text-pair", "the second text of a pair", word(""), "TEXT");
  add_format_options(options);
}

void add_format_options(cxxopts::Options& options) {
  const auto word = [](const char* fallback) {
    return cxxopts::value<std::string>()->default_value(fallback);
  };
  options.add_options("text")(
      "format", "of rows: jsonl, csv, tsv (label<TAB>text), text (a line each) or auto", word("auto"), "F")(
      "text-column", "of CSV: its name in the header", word("text"), "NAME")("label-column", "the same",
                                                                             word("label"), "NAME");
}

CsvColumns csv_columns(const cxxopts::ParseResult& parsed) {
  return {parsed["text-column"].as<std::string>(), parsed["label-column"].as<std::string>()};
}

void add_explaining_options(cxxopts::Options& options) {
  add_text_options(options);
  add_classifier_options(options);
  add_explain_options(options);
  options.add_options("text")("max-length",
                              "tokens of a text, longer ones are cut into windows; 0: the model's",
                              cxxopts::value<std::int64_t>()->default_value("0"),
                              "N")("stride", "tokens from one window to the next; 0: half a window",
                                   cxxopts::value<std::int64_t>()->default_value("0"), "N")(
      "strict",
      "a row that cannot be read ends the run, and a text that is too long fails instead of being cut");
}

InputTexts::InputTexts(const cxxopts::ParseResult& parsed, const CommonOptions& common, RowLimits limits,
                       const Tokenizer* tokenizer)
    : limits_(limits),
      tokenizer_(tokenizer),
      name_(input_name(common.input)),
      strict_(parsed.count("strict") > 0) {
  if (parsed.count("text") == 0) {
    refuse_options(parsed, {"text-pair"}, "without --text");
    rows_.emplace(common.input, limits, tokenizer, row_format_named(parsed["format"].as<std::string>()),
                  csv_columns(parsed));
    return;
  }
  refuse_options(parsed, {"input", "format"}, "with --text");
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
    say(text(failed, " of ", rows, " rows failed: their lines have an \"error\""));
  return static_cast<int>(failed > 0 ? ExitStatus::incomplete : ExitStatus::done);
}

WindowOptions read_window_options(const cxxopts::ParseResult& parsed, const OpenedClassifier& classifier) {
  WindowOptions options{.longest = classifier.limits.longest, .strict = parsed.count("strict") > 0};
  if (const Index most = integer_option(parsed, "max-length", 0, 1'000'000'000); most > 0) {
    if (most > options.longest)
      throw UsageError(text("--max-length ", most, ", the model has ", options.longest, " positions"));
    options.longest = most;
  }
  if (const Index stride = integer_option(parsed, "stride", 0, 1'000'000'000); stride > 0)
    options.stride = stride;
  if (options.strict) refuse_options(parsed, {"stride"}, "with --strict");
  return options;
}

std::vector<RowWindow> WindowOptions::windows(const InputRow& row, const OpenedClassifier& classifier) const {
  if (std::ssize(row.ids) <= longest) return {RowWindow{}};
  if (strict)
    throw Error(slalom::text("the text has ", row.ids.size(), " tokens, wanted at most ", longest),
                "without --strict it is cut into windows");
  const auto is_special = [&](TokenId id) { return classifier.tokens.is_marker(id); };
  return windows_of(row, longest, stride.value_or(default_stride(row, longest, is_special)), is_special);
}

InputRow WindowOptions::cut(const InputRow& row, const RowWindow& window,
                            const OpenedClassifier& classifier) const {
  return cut_window(row, window, [&](TokenId id) { return classifier.tokens.is_marker(id); });
}

}  // namespace slalom
