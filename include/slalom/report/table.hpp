// A table of strings and its four faces: aligned text, Markdown, CSV, TSV.
#pragma once

#include <string>
#include <vector>

namespace slalom {

class Table {
 public:
  enum class Align { left, right };
  struct Column {
    std::string header;
    Align align = Align::left;
  };

  /// Throws Error without columns.
  explicit Table(std::vector<Column> columns);

  /// Adds a row of UTF-8 cells. Throws Error unless there is one cell a column.
  void add_row(std::vector<std::string> cells);

  const std::vector<Column>& columns() const { return columns_; }
  const std::vector<std::vector<std::string>>& rows() const { return rows_; }

  /// Columns two spaces apart and as wide as their widest cell in a terminal, a rule under the headers, no
  /// spaces at the end of a line. Line breaks in cells become spaces.
  std::string text() const;
  /// A GitHub pipe table; `|` in cells is escaped, line breaks become spaces.
  std::string markdown() const;
  /// RFC 4180, but lines end with \n: cells with comma, quote or line break are quoted.
  std::string csv() const;
  /// Tab, line breaks and backslash in cells are written \t \n \r \\, so that a row is always one line.
  std::string tsv() const;

 private:
  std::vector<std::vector<std::string>> lines() const;  // the headers first

  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace slalom
