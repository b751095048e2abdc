// Comma-separated values (RFC 4180).
#pragma once

#include <string>
#include <vector>

#include "slalom/base/files.hpp"

namespace slalom {

/// The records of an InputFile: fields between commas (or another separator), bare or in double quotes; in
/// quotes a comma and a line break stand for themselves and "" is a quote. Records end with "\n" or "\r\n",
/// the last one needs no end. Empty lines and a byte order mark are skipped. A header is a record like any
/// other, and the bytes need not be UTF-8.
class CsvReader {
 public:
  static constexpr std::size_t kLongestRecord = std::size_t{64} << 20;  // bytes

  /// For `separator`: the one of comma, semicolon and tab that the first line has most of.
  static constexpr char kFoundOut = 0;

  /// Throws Error if the file cannot be read. Longer records than `longest` bytes are refused by next().
  explicit CsvReader(const std::string& path, std::size_t longest = kLongestRecord, char separator = ',');
  /// False at the end of the file; one field or more otherwise. Throws Error with file and line for a quote
  /// that is never closed, for anything but a separator or a line end behind a closing quote, for a quote
  /// inside a bare field and for a record that is too long; as InputFile::read does; and if interrupted.
  bool next(std::vector<std::string>& fields);
  /// Line on which the record begins that next() gave last, from 1.
  Index line_number() const { return record_line_; }
  /// "reviews.csv: line 7", for messages.
  std::string where() const;

 private:
  int get();
  bool ends_field(int c) const;
  void append(std::string& field, int c);
  int read_bare(std::string& field, int c);
  int read_quoted(std::string& field);

  InputFile file_;
  std::size_t longest_, record_bytes_ = 0;
  char separator_;
  std::string buffer_;
  std::size_t begin_ = 0, size_ = 0;  // unread bytes are buffer_[begin_, size_)
  Index line_ = 1, record_line_ = 0;
};

}  // namespace slalom
