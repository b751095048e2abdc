#include "slalom/data/csv.hpp"

#include <algorithm>
#include <array>

#include "slalom/base/error.hpp"
#include "slalom/base/interrupt.hpp"

namespace slalom {

namespace {

constexpr std::size_t kBuffer = std::size_t{256} << 10;
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
constexpr int kEnd = -1;  // of the file
constexpr std::string_view kSeparators = ",;\t";

}  // namespace

namespace {

char separator_of(std::string_view start) {
  std::array<std::size_t, 3> count{};
  bool quoted = false;
  for (const char c : start.substr(0, start.find('\n'))) {
    if (c == '"') quoted = !quoted;
    for (std::size_t i = 0; i < count.size(); ++i) count[i] += !quoted && c == kSeparators[i];
  }
  return kSeparators[static_cast<std::size_t>(std::ranges::max_element(count) - count.begin())];
}

}  // namespace

CsvReader::CsvReader(const std::string& path, std::size_t longest, char separator)
    : file_(path), longest_(longest), separator_(separator), buffer_(kBuffer, '\0') {
  size_ = file_.read(buffer_.data(), buffer_.size());
  if (std::string_view(buffer_).substr(0, size_).starts_with(kByteOrderMark)) begin_ = kByteOrderMark.size();
  if (separator_ == kFoundOut)
    separator_ = separator_of(std::string_view(buffer_).substr(begin_, size_ - begin_));
}

std::string CsvReader::where() const {
  return concat(file_.name(), ": line ", record_line_);
}

int CsvReader::get() {
  if (begin_ == size_) {
    begin_ = 0;
    size_ = file_.read(buffer_.data(), buffer_.size());
    check_interrupt();
    if (size_ == 0) return kEnd;
  }
  const auto c = static_cast<unsigned char>(buffer_[begin_++]);
  if (c == '\n') ++line_;
  return c;
}

bool CsvReader::ends_field(int c) const {
  return c == separator_ || c == '\n' || c == kEnd;
}

void CsvReader::append(std::string& field, int c) {
  if (++record_bytes_ > longest_)
    throw Error(concat(where(), ": the record is longer than ", longest_, " bytes"));
  field += static_cast<char>(c);
}

/// The rest of a bare field that begins with c; what it ended with.
int CsvReader::read_bare(std::string& field, int c) {
  for (; !ends_field(c); c = get()) {
    if (c == '"')
      throw Error(concat(file_.name(), ": line ", line_,
                         ": found a quote inside a field without quotes, wanted the whole field in quotes"));
    append(field, c);
  }
  if (c != separator_ && field.ends_with('\r')) field.pop_back();
  return c;
}

/// The rest of a field whose opening quote has been read; what it ended with.
int CsvReader::read_quoted(std::string& field) {
  const Index opened = line_;
  for (int c = get();; c = get()) {
    if (c == kEnd)
      throw Error(concat(file_.name(), ": line ", opened, ": found a quote that is never closed"));
    if (c == '"' && (c = get()) != '"') {
      if (c == '\r') c = get();
      if (ends_field(c)) return c;
      throw Error(concat(file_.name(), ": line ", line_,
                         ": found text behind a closing quote, wanted a comma or the end of the line"));
    }
    append(field, c);
  }
}

bool CsvReader::next(std::vector<std::string>& fields) {
  for (int end = '\n'; end == '\n';) {
    fields.clear();
    record_bytes_ = 0;
    record_line_ = line_;
    bool quoted = false;
    do {
      std::string& field = fields.emplace_back();
      if (++record_bytes_ > longest_)  // a record of nothing but commas takes memory too
        throw Error(concat(where(), ": the record is longer than ", longest_, " bytes"));
      const int c = get();
      quoted = c == '"';
      end = quoted ? read_quoted(field) : read_bare(field, c);
    } while (end == separator_);
    if (fields.size() > 1 || quoted || !fields[0].empty()) return true;
  }
  return false;
}

}  // namespace slalom
