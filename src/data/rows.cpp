#include "slalom/data/rows.hpp"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "slalom/base/error.hpp"

namespace slalom {

namespace {

// Integers from 0 to `most` of the array `field`.
void read_numbers(const Json& object, const char* field, const std::string& where, Index most,
                  std::vector<TokenId>& numbers) {
  const Json& array = require_array(object, field, where);
  if (array.empty()) throw Error(concat(where, ": field \"", field, "\": found [], wanted a token or more"));
  numbers.clear();
  for (const Json& item : array) {
    // Unsigned numbers beyond int64 would wrap around and could look valid.
    const bool fits = item.is_number_integer() &&
                      (!item.is_number_unsigned() || item.get<std::uint64_t>() <= std::uint64_t{INT32_MAX});
    const auto number = fits ? item.get<std::int64_t>() : -1;
    if (number < 0 || number > most)
      throw Error(concat(where, ": field \"", field, "\"[", numbers.size(), "]: found ", shown_value(item),
                         ", wanted an integer from 0 to ", most));
    numbers.push_back(static_cast<TokenId>(number));
  }
}

void read_scores(const Json& object, const std::string& where, std::size_t tokens,
                 std::vector<double>& scores) {
  scores.clear();
  if (!has_field(object, "scores")) return;
  const Json& array = require_array(object, "scores", where);
  if (array.size() != tokens)
    throw Error(concat(where, ": field \"scores\": found ", array.size(), " numbers, wanted one for each of ",
                       tokens, " tokens"));
  for (const Json& item : array) {
    if (!item.is_number() && !item.is_null())
      throw Error(concat(where, ": field \"scores\"[", scores.size(), "]: found ", shown_value(item),
                         ", wanted a number or null"));
    scores.push_back(item.is_null() ? std::nan("") : item.get<double>());
  }
}

// One number, or C of them.
void read_label(const Json& object, const std::string& where, const RowLimits& limits, InputRow& row) {
  row.label.reset();
  row.targets.clear();
  if (!has_field(object, "label")) return;
  if (limits.problem == ProblemType::single_label) {
    row.label = static_cast<int>(require_integer(object, "label", where, 0, limits.classes - 1));
    return;
  }
  const bool yes_or_no = limits.problem == ProblemType::multi_label;
  const Json& label = object["label"];
  if (!yes_or_no && limits.classes <= 1 && !label.is_array()) {
    row.targets.push_back(require_number(object, "label", where));
    return;
  }
  const auto fits = [&](const Json& y) { return y.is_number() && (!yes_or_no || y == 0 || y == 1); };
  const Index wanted = limits.classes > 0 ? limits.classes : std::max<Index>(1, std::ssize(label));
  if (!label.is_array() || std::ssize(label) != wanted || !std::ranges::all_of(label, fits))
    throw Error(concat(where, ": field \"label\": found ", shown_value(label), ", wanted a list of ", wanted,
                       yes_or_no ? " times 0 or 1" : " numbers"));
  row.targets = label.get<std::vector<double>>();
}

void encode(const Tokenizer& tokenizer, RowLimits limits, const std::optional<std::string>& pair,
            const std::string& where, InputRow& row) {
  static_cast<Encoding&>(row) =
      pair ? tokenizer.encode_pair(row.text[0], *pair, where) : tokenizer.encode(row.text[0], where);
  row.text[1] = pair.value_or("");
  row.texts = pair ? 2 : 1;
  if (limits.types == 1) row.types.clear();
  if (row.ids.empty() && !limits.empty_texts)
    throw Error(where + ": the text has no tokens, wanted one or more");
  for (const TokenId id : row.ids)
    if (id >= limits.vocabulary)
      throw Error(concat(where, ": token ", json_string(tokenizer.vocabulary().token(id)), " has id ", id,
                         ", the model has ids 0 to ", limits.vocabulary - 1));
  if (std::ssize(row.ids) > limits.longest)
    throw Error(concat(where, ": the text has ", row.ids.size(), " tokens, wanted at most ", limits.longest,
                       ", the model's positions"));
}

// The row's ids: its own, or the tokenizer's of its text.
void read_tokens(const Json& object, const RowLimits& limits, const Tokenizer* tokenizer,
                 const std::string& where, InputRow& row) {
  row.types.clear();
  row.places.clear();
  row.texts = 0;
  row.text[0].clear();
  row.text[1].clear();
  if (object.is_object() && !has_field(object, "input_ids") && has_field(object, "text")) {
    if (tokenizer == nullptr)
      throw Error(concat(where, ": field \"input_ids\": found only \"text\", wanted token ids"),
                  "turning text into ids needs a folder with tokenizer files; give rows of input_ids");
    row.text[0] = require_string(object, "text", where);
    std::optional<std::string> pair;
    if (has_field(object, "text_pair")) pair = require_string(object, "text_pair", where);
    return encode(*tokenizer, limits, pair, where, row);
  }
  if (tokenizer != nullptr && object.is_object() && !has_field(object, "input_ids"))
    throw Error(where + ": fields \"text\" and \"input_ids\": missing, wanted one of them");
  read_numbers(object, "input_ids", where, limits.vocabulary - 1, row.ids);
  if (std::ssize(row.ids) > limits.longest)
    throw Error(concat(where, ": field \"input_ids\": found ", row.ids.size(), " tokens, wanted at most ",
                       limits.longest, ", the model's positions"));
  if (!has_field(object, "token_type_ids")) return;
  read_numbers(object, "token_type_ids", where, limits.types - 1, row.types);
  if (row.types.size() != row.ids.size())
    throw Error(concat(where, ": field \"token_type_ids\": found ", row.types.size(),
                       " numbers, wanted one for each of ", row.ids.size(), " tokens"));
}

}  // namespace

RowReader::RowReader(const std::string& path, RowLimits limits, const Tokenizer* tokenizer, RowFormat format,
                     CsvColumns columns)
    : objects_(path, format, std::move(columns)), limits_(limits), tokenizer_(tokenizer) {}

bool RowReader::next(InputRow& row) {
  return objects_.next_row(row.id_json, row.line, [&](const Json& object, const std::string& where) {
    read_tokens(object, limits_, tokenizer_, where, row);
    read_label(object, where, limits_, row);
    row.log_odds.reset();
    if (has_field(object, "log_odds")) row.log_odds = require_number(object, "log_odds", where);
    read_scores(object, where, row.ids.size(), row.scores);
  });
}

InputRow row_of_object(const Json& object, const RowLimits& limits, const Tokenizer* tokenizer,
                       const std::string& where) {
  InputRow row;
  row.id_json = read_row_id(object, where, 0);
  read_tokens(object, limits, tokenizer, where, row);
  return row;
}

InputRow row_of_text(const std::string& text, const std::optional<std::string>& pair, RowLimits limits,
                     const Tokenizer& tokenizer, const std::string& where) {
  InputRow row;
  row.id_json = "0";
  row.text[0] = text;
  row.line = 1;
  encode(tokenizer, limits, pair, where, row);
  return row;
}

}  // namespace slalom
