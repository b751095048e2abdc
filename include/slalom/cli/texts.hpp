// The texts that a command works on: rows of a file or one text of the command line, cut into windows where
// they are too long.
#pragma once

#include "slalom/base/json.hpp"
#include "slalom/cli/classifier.hpp"
#include "slalom/cli/messages.hpp"
#include "slalom/data/windows.hpp"

namespace slalom {

/// --text and how rows are read.
OptionTable text_options();
/// --format, --text-column, --label-column.
OptionTable format_options();
CsvColumns csv_columns(const ParsedOptions& parsed);
/// What explain, compare and evaluate share: options of texts, of windows, the classifier, the explanation.
OptionTable explaining_options();

/// Says that rows are waited for, if they are to be typed at a terminal.
void say_waiting(const CommonOptions& common);

/// Rows as `parsed` asks for them. One that cannot be read counts as a row: with_row() throws what is wrong
/// with it.
class InputTexts {
 public:
  /// `tokenizer` may be null, and must outlive this. Throws UsageError for options that do not go together.
  InputTexts(const ParsedOptions& parsed, const CommonOptions& common, RowLimits limits,
             const Tokenizer* tokenizer);
  /// False at the end. Throws Error if the input cannot be read any further, for the command line's text, and
  /// under --strict for a row that cannot be read.
  bool next(InputRow& row);
  /// What is wrong with the row that next() gave last, of which only the id is known then.
  const std::optional<RowError>& bad_row() const { return bad_row_; }
  /// "reviews.tsv" or "--text", for messages.
  const std::string& name() const { return name_; }

 private:
  RowLimits limits_;
  const Tokenizer* tokenizer_;
  std::string name_;
  std::optional<std::string> text_, pair_;  // of the command line, until it is given
  std::optional<RowReader> rows_;
  std::optional<RowError> bad_row_;
  bool strict_;
};

/// Runs body() on the row that the source gave last. Throws RowError for a row that could not be read, and
/// for an Error of the body, with file and line in front.
template <class Body>
void with_row(const InputTexts& source, const InputRow& row, const Body& body) {
  if (source.bad_row()) throw RowError(*source.bad_row());
  try {
    body();
  } catch (const RowError&) {
    throw;
  } catch (const Error& e) {
    if (e.status() != ExitStatus::bad_input) throw;
    throw RowError(concat(source.name(), ": line ", row.line, ": ", e.what()), e.hint());
  }
}

/// The same for a run that goes on after a RowError: it is printed, and its message is returned. Throws it
/// where the classifier cannot be asked any more, so that all other rows would fail, too.
template <class Body>
std::optional<std::string> error_of_row(const InputTexts& source, const InputRow& row,
                                        const OpenedClassifier& classifier, const Body& body) {
  try {
    with_row(source, row, body);
    return std::nullopt;
  } catch (const RowError& e) {
    if (!classifier.f->can_answer()) throw;
    say_error(e);
    return e.what();
  }
}

/// The line of a row that failed.
JsonRow error_row(const std::string& id_json, Index number, const std::string& error);
/// How a run over rows ends: with 4, and a word on stderr, if some of them failed.
int status_of_rows(Index failed, Index rows, const CommonOptions& common);

/// How long texts are cut.
struct WindowOptions {
  Index longest = 0;
  std::optional<Index> stride;  // empty: half of what a window holds
  bool strict = false;          // a text that is too long is an error

  /// The row's windows. Throws Error for a row that is too long under `strict`, and as windows_of() does.
  std::vector<RowWindow> windows(const InputRow& row, const OpenedClassifier& classifier) const;
  /// One of them as a row.
  InputRow cut(const InputRow& row, const RowWindow& window, const OpenedClassifier& classifier) const;

  /// Calls body(part, window, text) for each window of the row, as a row and as an explained text, and each
  /// class that is explained of it, having chosen that class.
  template <class Body>
  void each_text(const InputRow& row, const OpenedClassifier& classifier, const Body& body) const {
    for (const RowWindow& window : windows(row, classifier)) {
      const InputRow part = cut(row, window, classifier);
      const ExplainedText text = classifier.explained(part);
      for (const Index target : classifier.targets_of(text)) {
        classifier.choose(target);
        body(part, window, text);
      }
    }
  }
};
WindowOptions read_window_options(const ParsedOptions& parsed, const OpenedClassifier& classifier);

}  // namespace slalom
