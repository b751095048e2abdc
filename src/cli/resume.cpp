#include "slalom/cli/resume.hpp"

#include <filesystem>
#include <nlohmann/json.hpp>

#include "slalom/base/error.hpp"
#include "slalom/base/files.hpp"
#include "slalom/base/numbers.hpp"

namespace slalom {

void check_fields(const Json& found, const Json& wanted, const std::string& where, const std::string& whose,
                  const std::string& hint) {
  for (const auto& [field, value] : wanted.items()) {
    const Json other = found.contains(field) ? found[field] : Json();
    if (other != value)
      throw Error(concat(where, ": field \"", field, "\": found ", other.dump(), ", wanted ", value.dump(),
                         " ", whose),
                  hint);
  }
}

std::string fingerprint_of(const InputRow& row, std::string all) {
  for (const std::string& text : row.text) all = fingerprint(text, all);
  for (const std::vector<TokenId>* numbers : {&row.ids, &row.types})
    all = fingerprint_of_numbers<TokenId>(*numbers, all);
  return all;
}

FinishedRows finished_rows(const std::string& path, const Json& settings, const std::optional<Shard>& shard) {
  const std::string read = file_exists(partial_name(path)) ? partial_name(path) : path;
  if (!file_exists(read)) return {};
  std::error_code code;
  const std::uint64_t size = std::filesystem::file_size(read, code);
  if (code) throw_file_error(read, "read", code.value());
  FinishedRows finished{.file = read};
  LineReader lines(read);
  std::uint64_t begin = 0;  // of the line
  Index last_failed = 0;    // the row before was an error
  for (std::string line; lines.next(line); begin += line.size() + 1) {
    if (begin + line.size() + 1 > size) break;  // cut off in the middle
    const Json json = parse_json(line, lines.where());
    const bool is_end = json.is_object() && json.contains("shard");
    const auto check = [&](const Json& found, const Json& wanted) {
      check_fields(found, wanted, lines.where(), "of this run",
                   "the file is of other settings: without --resume it is replaced");
    };
    if (is_end) check(json, {{"shard", shard ? Json(shard->text()) : Json()}});
    check(is_end ? require_object(json, "settings", lines.where()) : json, settings);
    if (is_end) break;
    const Index row =
        require_integer(json, "row", lines.where(), 0, std::numeric_limits<std::int64_t>::max());
    const Index rows = std::ssize(finished.rows), next = shard.value_or(Shard{}).row(rows);
    if (rows > 0 && row == shard.value_or(Shard{}).row(rows - 1)) continue;
    if (row != next) throw Error(concat(lines.where(), ": field \"row\": found ", row, ", wanted ", next));
    if (!json.contains("id")) throw Error(lines.where() + ": field \"id\": missing, wanted the row's");
    finished.rows.push_back({json["id"].dump(), require_string(json, "input", lines.where())});
    finished.bytes = begin;
    finished.failed += last_failed;
    last_failed = json.contains("error") ? 1 : 0;
  }
  if (!finished.rows.empty()) finished.rows.pop_back();
  return finished;
}

void begin_partial(const std::string& path, const FinishedRows& finished) {
  if (finished.file != path) return;
  std::error_code code;
  std::filesystem::copy_file(path, partial_name(path), code);
  if (code) throw_file_error(partial_name(path), "copy to", code.value());
}

}  // namespace slalom
