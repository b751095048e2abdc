#include "slalom/data/texts.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "slalom/base/error.hpp"
#include "slalom/base/numbers.hpp"

namespace slalom {

namespace {

RowFormat format_of_name(std::string_view path) {
  if (path.ends_with(".gz")) path.remove_suffix(3);
  if (path.ends_with(".jsonl") || path.ends_with(".json")) return RowFormat::jsonl;
  if (path.ends_with(".csv")) return RowFormat::csv;
  if (path.ends_with(".tsv")) return RowFormat::tsv;
  if (path.ends_with(".txt")) return RowFormat::text;
  return RowFormat::automatic;
}

RowFormat format_of_line(std::string_view line) {
  const std::size_t first = line.find_first_not_of(" \t");
  if (first != std::string_view::npos && std::string_view("{[\"").find(line[first]) != std::string_view::npos)
    return RowFormat::jsonl;
  const std::size_t digits = line.find_first_not_of("0123456789");
  return digits != 0 && digits != std::string_view::npos && line[digits] == '\t' ? RowFormat::tsv
                                                                                 : RowFormat::text;
}

/// A number as JSON has it, else the text.
Json value_of(std::string_view field) {
  if (const std::optional integer = parse_number<std::int64_t>(field)) return *integer;
  if (const std::optional number = parse_number<double>(field); number && std::isfinite(*number))
    return *number;
  return std::string(field);
}

Json object_of_tsv(const std::string& line, const std::string& where) {
  const std::size_t tab = line.find('\t');
  if (tab == std::string::npos) throw Error(where + ": found no tab, wanted label<TAB>text");
  const std::string field = line.substr(0, tab);
  const Json label = value_of(field);
  if (!label.is_number())
    throw Error(concat(where, ": label: found ", json_string(field.substr(0, 40)), ", wanted a number"));
  return {{"label", label}, {"text", line.substr(tab + 1)}};
}

std::variant<LineReader, CsvReader> open(const std::string& path, RowFormat format) {
  if (format == RowFormat::csv) return CsvReader(path, CsvReader::kLongestRecord, CsvReader::kFoundOut);
  return LineReader(path);
}

RowFormat format_of(const std::string& path, RowFormat format) {
  return format == RowFormat::automatic ? format_of_name(path) : format;
}

}  // namespace

RowFormat row_format_named(const std::string& name) {
  if (name == "auto") return RowFormat::automatic;
  if (name == "jsonl") return RowFormat::jsonl;
  if (name == "csv") return RowFormat::csv;
  if (name == "tsv") return RowFormat::tsv;
  if (name == "text") return RowFormat::text;
  throw UsageError("no row format \"" + name + "\", wanted auto, jsonl, csv, tsv or text");
}

RowObjects::RowObjects(const std::string& path, RowFormat format, CsvColumns columns)
    : reader_(open(path, format_of(path, format))),
      format_(format_of(path, format)),
      columns_(std::move(columns)) {}

Index RowObjects::line_number() const {
  return std::visit([](const auto& reader) { return reader.line_number(); }, reader_);
}

std::string RowObjects::where() const {
  return std::visit([](const auto& reader) { return reader.where(); }, reader_);
}

bool RowObjects::next(Json& object) {
  ++rows_;
  if (format_ != RowFormat::csv) {
    if (!next_line()) return false;
    within_row([&] { object = object_of_line(); });
    return true;
  }
  if (header_.empty()) read_header();
  std::vector<std::string> fields;
  if (!std::get<CsvReader>(reader_).next(fields)) return false;
  within_row([&] { object = object_of_record(fields); });
  return true;
}

/// The next line that is not empty.
bool RowObjects::next_line() {
  LineReader& lines = std::get<LineReader>(reader_);
  do {
    if (!lines.next(line_)) return false;
    if (lines.line_number() == 1 && line_.starts_with("\xEF\xBB\xBF")) line_.erase(0, 3);  // byte order mark
  } while (line_.find_first_not_of(" \t") == std::string::npos);
  return true;
}

Json RowObjects::object_of_line() {
  const bool guessed = format_ == RowFormat::automatic;
  if (guessed) format_ = format_of_line(line_);
  try {
    if (format_ == RowFormat::jsonl) return parse_json(line_, where());
    if (format_ == RowFormat::tsv) return object_of_tsv(line_, where());
  } catch (const Error& e) {
    if (!guessed) throw;
    throw Error(e.what(),
                "the rows were taken for JSON by this line; --format csv, tsv or text says otherwise");
  }
  return {{"text", line_}};
}

void RowObjects::read_header() {
  CsvReader& records = std::get<CsvReader>(reader_);
  if (!records.next(header_))
    throw Error(records.where() + ": found no header, wanted a column \"" + columns_.text + "\"");
  const auto require = [&](const std::string& column, const char* option) {
    if (std::ranges::count(header_, column) != 1)
      throw Error(concat(records.where(), ": found the columns ", listed(header_, json_string),
                         ", wanted one \"", column, "\""),
                  concat(option, " NAME says which it is"));
  };
  require(columns_.text, "--text-column");
  if (columns_.label != CsvColumns{}.label) require(columns_.label, "--label-column");
}

Json RowObjects::object_of_record(const std::vector<std::string>& fields) const {
  if (fields.size() != header_.size())
    throw Error(concat(where(), ": found ", fields.size(), " columns, wanted ", header_.size(),
                       " as the header has"));
  Json object = Json::object();
  for (std::size_t i = 0; i < fields.size(); ++i)
    if (header_[i] == columns_.text)
      object["text"] = fields[i];
    else if (header_[i] == columns_.label && !fields[i].empty())
      object["label"] = value_of(fields[i]);
    else if (header_[i] == "id" || header_[i] == "text_pair")
      object[header_[i]] = fields[i];
  return object;
}

bool has_field(const Json& object, const char* field) {
  return object.contains(field) && !object[field].is_null();
}

std::string shown_value(const Json& value) {
  constexpr std::size_t kMost = 60;
  const std::string json = value.dump(-1, ' ', true, Json::error_handler_t::replace);
  return json.size() <= kMost ? json : json.substr(0, kMost) + "...";
}

std::string read_row_id(const Json& object, const std::string& where, Index row) {
  if (!has_field(object, "id")) return std::to_string(row);
  const Json& id = object["id"];
  if (!id.is_string() && !id.is_number())
    throw Error(concat(where, ": field \"id\": found ", shown_value(id), ", wanted a string or a number"));
  return id.is_string() ? json_string(id.get<std::string>()) : id.dump();
}

bool RowObjects::next_row(std::string& id_json, Index& line,
                          const std::function<void(const Json&, const std::string&)>& read) {
  id_json = std::to_string(rows_);
  Json object;
  try {
    if (!next(object)) return false;
  } catch (const RowError&) {
    line = line_number();
    throw;
  }
  line = line_number();
  within_row([&] {
    id_json = read_row_id(object, where(), rows_ - 1);
    read(object, where());
  });
  return true;
}

bool TextReader::next(TextRow& row) {
  return objects_.next_row(row.id_json, row.line, [&](const Json& object, const std::string& where) {
    row.text = require_string(object, "text", where);
    row.pair.reset();
    if (has_field(object, "text_pair")) row.pair = require_string(object, "text_pair", where);
    row.label.reset();
    if (has_field(object, "label"))
      row.label =
          static_cast<int>(require_integer(object, "label", where, 0, std::numeric_limits<int>::max()));
  });
}

}  // namespace slalom
