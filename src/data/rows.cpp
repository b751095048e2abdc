#include "slalom/data/rows.hpp"

#include <cmath>
#include <nlohmann/json.hpp>

#include "slalom/base/error.hpp"
#include "slalom/base/json.hpp"

namespace slalom {

namespace {

/// A value for a message: ASCII, so that it can be cut anywhere.
std::string shown(const Json& value) {
  constexpr std::size_t kMost = 60;
  const std::string json = value.dump(-1, ' ', true);
  return json.size() <= kMost ? json : json.substr(0, kMost) + "...";
}

bool has(const Json& object, const char* field) {
  return object.contains(field) && !object[field].is_null();
}

void read_ids(const Json& object, const std::string& where, Index vocabulary, std::vector<TokenId>& ids) {
  const Json& array = require_array(object, "input_ids", where);
  if (array.empty()) throw Error(text(where, ": field \"input_ids\": found [], wanted a token or more"));
  ids.clear();
  for (const Json& item : array) {
    // Unsigned numbers beyond int64 would wrap around and could look valid.
    const bool fits = item.is_number_integer() &&
                      (!item.is_number_unsigned() || item.get<std::uint64_t>() <= std::uint64_t{INT32_MAX});
    const auto id = fits ? item.get<std::int64_t>() : -1;
    if (id < 0 || id >= vocabulary)
      throw Error(text(where, ": field \"input_ids\"[", ids.size(), "]: found ", shown(item),
                       ", wanted an integer from 0 to ", vocabulary - 1));
    ids.push_back(static_cast<TokenId>(id));
  }
}

std::string read_id(const Json& object, const std::string& where, Index row) {
  if (!has(object, "id")) return std::to_string(row);
  const Json& id = object["id"];
  if (!id.is_string() && !id.is_number())
    throw Error(text(where, ": field \"id\": found ", shown(id), ", wanted a string or a number"));
  return id.dump();
}

void read_scores(const Json& object, const std::string& where, std::size_t tokens,
                 std::vector<double>& scores) {
  scores.clear();
  if (!has(object, "scores")) return;
  const Json& array = require_array(object, "scores", where);
  if (array.size() != tokens)
    throw Error(text(where, ": field \"scores\": found ", array.size(), " numbers, wanted one for each of ",
                     tokens, " tokens"));
  for (const Json& item : array) {
    if (!item.is_number() && !item.is_null())
      throw Error(text(where, ": field \"scores\"[", scores.size(), "]: found ", shown(item),
                       ", wanted a number or null"));
    scores.push_back(item.is_null() ? std::nan("") : item.get<double>());
  }
}

}  // namespace

RowReader::RowReader(const std::string& path, RowLimits limits) : lines_(path), limits_(limits) {}

bool RowReader::next(InputRow& row) {
  do {
    if (!lines_.next(line_)) return false;
  } while (line_.find_first_not_of(" \t") == std::string::npos);
  const std::string where = lines_.where();
  const Json object = parse_json(line_, where);
  if (object.is_object() && !has(object, "input_ids") && has(object, "text"))
    throw Error(text(where, ": field \"input_ids\": found only \"text\", wanted token ids"),
                "turning text into ids needs a tokenizer; give rows of input_ids");
  read_ids(object, where, limits_.vocabulary, row.ids);
  if (static_cast<Index>(row.ids.size()) > limits_.longest)
    throw Error(text(where, ": field \"input_ids\": found ", row.ids.size(), " tokens, wanted at most ",
                     limits_.longest, ", the model's positions"));
  row.id_json = read_id(object, where, rows_);
  row.label.reset();
  if (has(object, "label"))
    row.label = static_cast<int>(require_integer(object, "label", where, 0, limits_.classes - 1));
  row.log_odds.reset();
  if (has(object, "log_odds")) row.log_odds = require_number(object, "log_odds", where);
  read_scores(object, where, row.ids.size(), row.scores);
  row.line = lines_.line_number();
  ++rows_;
  return true;
}

}  // namespace slalom
