#include "slalom/data/texts.hpp"

#include <charconv>
#include <limits>
#include <nlohmann/json.hpp>

#include "slalom/base/error.hpp"

namespace slalom {

namespace {

RowFormat format_of_name(std::string_view path) {
  if (path.ends_with(".gz")) path.remove_suffix(3);
  if (path.ends_with(".jsonl") || path.ends_with(".json")) return RowFormat::jsonl;
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

Json object_of_tsv(const std::string& line, const std::string& where) {
  const std::size_t tab = line.find('\t');
  if (tab == std::string::npos) throw Error(where + ": found no tab, wanted label<TAB>text");
  std::int64_t label = 0;
  const char* const end = line.data() + tab;
  if (const auto [stop, code] = std::from_chars(line.data(), end, label);
      stop != end || code != std::errc{} || tab == 0)
    throw Error(text(where, ": label: found ", json_string(line.substr(0, std::min<std::size_t>(tab, 40))),
                     ", wanted a number"));
  return {{"label", label}, {"text", line.substr(tab + 1)}};
}

}  // namespace

RowFormat row_format_named(const std::string& name) {
  if (name == "auto") return RowFormat::automatic;
  if (name == "jsonl") return RowFormat::jsonl;
  if (name == "tsv") return RowFormat::tsv;
  if (name == "text") return RowFormat::text;
  throw UsageError("no row format \"" + name + "\", wanted auto, jsonl, tsv or text");
}

RowObjects::RowObjects(const std::string& path, RowFormat format)
    : lines_(path), format_(format == RowFormat::automatic ? format_of_name(path) : format) {}

bool RowObjects::next(Json& object) {
  do {
    if (!lines_.next(line_)) return false;
    if (lines_.line_number() == 1 && line_.starts_with("\xEF\xBB\xBF")) line_.erase(0, 3);  // byte order mark
  } while (line_.find_first_not_of(" \t") == std::string::npos);
  if (format_ == RowFormat::automatic) format_ = format_of_line(line_);
  ++rows_;
  within_row([&] {
    if (format_ == RowFormat::jsonl)
      object = parse_json(line_, where());
    else if (format_ == RowFormat::tsv)
      object = object_of_tsv(line_, where());
    else
      object = {{"text", line_}};
  });
  return true;
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
    throw Error(text(where, ": field \"id\": found ", shown_value(id), ", wanted a string or a number"));
  return id.is_string() ? json_string(id.get<std::string>()) : id.dump();
}

bool TextReader::next(TextRow& row) {
  Json object;
  const Index number = objects_.rows();
  row.id_json = std::to_string(number);
  if (!objects_.next(object)) return false;
  const std::string where = objects_.where();
  row.line = objects_.line_number();
  within_row([&] {
    row.id_json = read_row_id(object, where, number);
    row.text = require_string(object, "text", where);
    row.pair.reset();
    if (has_field(object, "text_pair")) row.pair = require_string(object, "text_pair", where);
    row.label.reset();
    if (has_field(object, "label"))
      row.label =
          static_cast<int>(require_integer(object, "label", where, 0, std::numeric_limits<int>::max()));
  });
  return true;
}

}  // namespace slalom
