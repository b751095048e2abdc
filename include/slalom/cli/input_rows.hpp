// The rows that a command works on, of a file or of --text, one after the other: what goes wrong with one of
// them does not end the others.
#pragma once

#include "slalom/base/interrupt.hpp"
#include "slalom/base/json.hpp"
#include "slalom/cli/cli.hpp"
#include "slalom/cli/resume.hpp"
#include "slalom/cli/shard.hpp"
#include "slalom/data/rows.hpp"
#include "slalom/explain/black_box.hpp"

namespace slalom {

/// --text, --text-pair and format_options().
OptionTable text_options();
/// --format, --text-column, --label-column.
OptionTable format_options();
RowFormat row_format(const ParsedOptions& parsed);
CsvColumns csv_columns(const ParsedOptions& parsed);

/// What rows for a model must keep to.
RowLimits row_limits(const ClassifierConfig& config);

/// Says that rows are waited for, if they are to be typed at a terminal, and what else could be done.
void say_waiting(const CommonOptions& common, const std::string& instead);

/// Rows of --input, bad ones included, for a progress that is shown; 0 if it is shown to nobody, or if the
/// file can be read only once. Throws Error as RowObjects does.
Index rows_ahead(const ParsedOptions& parsed, const CommonOptions& common);

/// The line of a row that failed.
JsonRow error_row(const std::string& id_json, Index number, const std::string& error);

/// How a run ends whose output is of a line a row: with 4 if rows failed, and a word on stderr.
int status_of_lines(Index failed, Index rows, bool quiet);

template <class Reader, class Row>
class InputRows {
 public:
  /// The rows of a reader, or the one of --text; `progress` names what is done to them, "" shows nothing.
  /// A row that cannot be read ends the run under --strict, and any error once `queried`, if there is one,
  /// has no more outputs. Of --shard, whose blocks are of `block` rows, there are its own; they keep their
  /// numbers.
  InputRows(std::variant<Reader, Row> rows, const ParsedOptions& parsed, const CommonOptions& common,
            const std::string& progress, const BlackBox* queried = nullptr, Index block = 1)
      : rows_(std::move(rows)),
        name_(rows_.index() == 1 ? "--text" : input_name(common.input)),
        queried_(queried),
        shard_(read_shard(parsed)),
        strict_(parsed.count("strict") > 0),
        quiet_(common.quiet),
        progress_(progress.empty() ? ProgressMode::none : common.progress, progress,
                  progress.empty() || rows_.index() == 1 ? 1 : rows_ahead(parsed, common)) {
    if (shard_) shard_->block = block;
    if (rows_.index() == 1) return;
    if (!progress.empty()) say_threads(common.progress);
    say_waiting(common, "--text TEXT is one text, --input FILE a file of rows");
  }

  /// False at the end, and after an interrupt. Throws Error if the input cannot be read any further.
  bool next(Row& row) {
    do {
      bad_row_.reset();
      progress_.update(count_);
      if (interrupted() || !read(row)) return false;
      ++count_;
      if constexpr (std::same_as<Row, InputRow>)
        if (shard_) input_ = fingerprint_of(row, input_);
    } while (shard_ && !shard_->has(count_ - 1));
    return true;
  }
  /// What is wrong with the row that next() gave last, of which only id and line are known then.
  const std::optional<RowError>& bad_row() const { return bad_row_; }

  /// The rows so far were finished by an earlier process.
  void begin_here() {
    progress_.update(count_);
    progress_.begin_here();
  }

  /// Calls body(row) for each row until an interrupt; failed(row, message) for one that cannot be read or is
  /// bad input for the body, see error_of().
  template <class Body, class Failed>
  void each(const Body& body, const Failed& failed) {
    const auto work = [&](const Row& row) {
      const auto checked = [&] {
        if (bad_row_) throw RowError(*bad_row_);
        body(row);
      };
      if (const auto error = error_of(row, checked)) failed(row, *error);
    };
    for (Row row; next(row) && unless_interrupted([&] { work(row); });) continue;
    progress_.finish();
  }
  template <class Body>
  void each(const Body& body) {
    each(body, [](const Row&, const std::string&) {});
  }

  /// Runs body(); of an Error that the row is to blame for it prints the message, with file and line in
  /// front, and returns it.
  template <class Body>
  std::optional<std::string> error_of(const Row& row, const Body& body) {
    try {
      body();
      return std::nullopt;
    } catch (const RowError& e) {
      return report(e);
    } catch (const Error& e) {
      if (e.status() != ExitStatus::bad_input) throw;
      return report(RowError(where(row) + ": " + e.what(), e.hint()));
    }
  }
  std::string report(const RowError& error) {
    if (queried_ != nullptr && !queried_->can_be_queried()) throw RowError(error);
    say_error(error);
    ++failed_;
    return error.what();
  }

  /// "reviews.tsv" or "--text", for messages.
  const std::string& name() const { return name_; }
  /// "reviews.tsv: line 7", or "--text".
  std::string where(const Row& row) const {
    return rows_.index() == 1 ? name_ : concat(name_, ": line ", row.line);
  }
  /// The number of the row that next() gave last, from 0.
  Index number() const { return count_ - 1; }
  /// Of all rows that were read, a shard's own or not.
  Index count() const { return count_; }
  /// How many errors there were.
  Index failed() const { return failed_; }
  const std::optional<Shard>& shard() const { return shard_; }
  /// What ends a shard's output once all rows are read; nothing without --shard.
  std::string end_of_shard(const Json& settings) const {
    return shard_ ? slalom::end_of_shard(*shard_, count_, input_, settings) : "";
  }
  /// How the run ends: with 4 if there was an error.
  int status() const { return slalom::status_of_lines(failed_, count_, true); }
  /// The same for output of a line a row, with a word on stderr; `before` failed in an earlier process.
  int status_of_lines(Index before = 0) {
    failed_ += before;
    return slalom::status_of_lines(failed_, count_, quiet_);
  }

 private:
  bool read(Row& row) {
    if (Row* only = std::get_if<Row>(&rows_)) {
      row = *only;
      return count_ == 0;
    }
    try {
      return std::get<Reader>(rows_).next(row);
    } catch (const RowError& e) {
      if (strict_) throw;
      bad_row_ = e;
      Row bare;  // nothing of the row before
      bare.id_json = row.id_json;
      bare.line = row.line;
      row = std::move(bare);
      return true;
    }
  }

  std::variant<Reader, Row> rows_;
  std::string name_;
  const BlackBox* queried_;
  std::optional<Shard> shard_;
  std::string input_;  // fingerprint of the rows, with a shard
  bool strict_, quiet_;
  Progress progress_;
  std::optional<RowError> bad_row_;
  Index count_ = 0, failed_ = 0;
};

/// Rows as texts.
using TextRows = InputRows<TextReader, TextRow>;

/// Rows as token ids. Throws UsageError for options that do not go together, and Error for a --text that the
/// tokenizer (null: there is none) or the limits do not allow.
using TokenRows = InputRows<RowReader, InputRow>;
TokenRows token_rows(const ParsedOptions& parsed, const CommonOptions& common, const RowLimits& limits,
                     const Tokenizer* tokenizer, const std::string& progress,
                     const BlackBox* queried = nullptr, Index block = 1);

}  // namespace slalom
