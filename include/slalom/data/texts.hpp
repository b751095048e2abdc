// Rows of text: JSON lines, TSV or plain lines, each of them also gzip.
#pragma once

#include <optional>
#include <string>

#include "slalom/base/error.hpp"
#include "slalom/base/files.hpp"
#include "slalom/base/json.hpp"

namespace slalom {

/// How a file holds its rows. jsonl: an object a line; tsv: "label<TAB>text"; text: the line is the text.
/// automatic: by the file's name (.jsonl, .json, .tsv, .txt, each also with .gz), else by its first line:
/// one that begins with { [ or " is JSON, one that begins with digits and a tab is TSV.
enum class RowFormat { automatic, jsonl, tsv, text };
/// Throws UsageError for anything but auto, jsonl, tsv, text.
RowFormat row_format_named(const std::string& name);

/// A row that cannot be used, named by file and line: the rows behind it can still be read.
class RowError : public Error {
 public:
  using Error::Error;
};
/// Runs body(); an Error of it becomes a RowError.
template <class Body>
void within_row(const Body& body) {
  try {
    body();
  } catch (const Error& e) {
    throw RowError(e.what(), e.hint());
  }
}

/// The rows of a file as JSON objects, whatever its format: a TSV line has "label" and "text", a plain one
/// "text". Empty lines are skipped.
class RowObjects {
 public:
  /// Throws Error if the file cannot be read.
  explicit RowObjects(const std::string& path, RowFormat format = RowFormat::automatic);
  /// False at the end of the file. Throws RowError for JSON that is none and for a TSV line without a tab or
  /// whose label is no number.
  bool next(Json& object);
  Index rows() const { return rows_; }  // so far, bad ones included
  Index line_number() const { return lines_.line_number(); }
  /// "reviews.tsv: line 7", for messages.
  std::string where() const { return lines_.where(); }

 private:
  LineReader lines_;
  std::string line_;
  RowFormat format_;
  Index rows_ = 0;
};

struct TextRow {
  std::string id_json;              // the row's id as JSON; without one its number, from 0
  std::string text;                 // UTF-8 unless the file is TSV or plain
  std::optional<std::string> pair;  // "text_pair"
  std::optional<int> label;
  Index line = 0;  // in its file, from 1
};

/// Rows that hold a text.
class TextReader {
 public:
  explicit TextReader(const std::string& path, RowFormat format = RowFormat::automatic)
      : objects_(path, format) {}
  /// False at the end of the file. Throws RowError with file, line and field, as RowReader::next() does.
  bool next(TextRow& row);

 private:
  RowObjects objects_;
};

/// Fields that all rows share. Throw Error naming `where` and the field.
bool has_field(const Json& object, const char* field);
std::string read_row_id(const Json& object, const std::string& where, Index row);
/// The field's value for a message: ASCII, at most some 60 characters.
std::string shown_value(const Json& value);

}  // namespace slalom
