// Rows of text: JSON lines, CSV, TSV or plain lines, each of them also gzip.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "slalom/base/error.hpp"
#include "slalom/base/json.hpp"
#include "slalom/data/csv.hpp"

namespace slalom {

/// How a file holds its rows. jsonl: an object a line; csv: records below a header, between commas,
/// semicolons or tabs; tsv: "label<TAB>text"; text: the line is the text. automatic: by the file's name
/// (.jsonl, .json, .csv, .tsv, .txt, each also with .gz), else by its first line: one that begins with { [ or
/// " is JSON, one that begins with digits and a tab is TSV.
enum class RowFormat { automatic, jsonl, csv, tsv, text };
/// Throws UsageError for anything but auto, jsonl, csv, tsv, text.
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

/// The columns of a CSV file that are the fields "text" and "label"; a column "label" may be missing. "id"
/// and "text_pair" are called so.
struct CsvColumns {
  std::string text = "text", label = "label";
};

/// The rows of a file as JSON objects, whatever its format: a TSV line has "label" and "text", a plain one
/// "text". Empty lines are skipped.
class RowObjects {
 public:
  /// Throws Error if the file cannot be read.
  explicit RowObjects(const std::string& path, RowFormat format = RowFormat::automatic,
                      CsvColumns columns = {});
  /// False at the end of the file. Throws RowError with file and line for JSON that is none, for a TSV line
  /// without a tab or whose label is no number, and for a CSV record that has not the header's columns; Error
  /// for a header without the columns, and as LineReader and CsvReader do.
  bool next(Json& object);
  /// The next row's id and line; read(object, where) reads the rest. What it throws becomes a RowError; id
  /// and line are the row's then, too.
  bool next_row(std::string& id_json, Index& line,
                const std::function<void(const Json& object, const std::string& where)>& read);
  Index line_number() const;
  /// "reviews.tsv: line 7", for messages.
  std::string where() const;

 private:
  bool next_line();
  Json object_of_line();
  void read_header();
  Json object_of_record(const std::vector<std::string>& fields) const;

  std::variant<LineReader, CsvReader> reader_;
  std::string line_;
  RowFormat format_;
  CsvColumns columns_;
  std::vector<std::string> header_;  // of CSV
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
  explicit TextReader(const std::string& path, RowFormat format = RowFormat::automatic,
                      CsvColumns columns = {})
      : objects_(path, format, std::move(columns)) {}
  /// False at the end of the file. Throws Error with file, line and field, RowError if the rows behind it can
  /// be read; `row` then has its number and line.
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
