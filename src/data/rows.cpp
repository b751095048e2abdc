#include "slalom/data/rows.hpp"

#include <cmath>
#include <nlohmann/json.hpp>

#include "slalom/base/error.hpp"

namespace slalom {

namespace {

// Integers from 0 to `most` of the array `field`.
void read_numbers(const Json& object, const char* field, const std::string& where, Index most,
                  std::vector<TokenId>& numbers) {
  const Json& array = require_array(object, field, where);
  if (array.empty()) throw Error(text(where, ": field \"", field, "\": found [], wanted a token or more"));
  numbers.clear();
  for (const Json& item : array) {
    // Unsigned numbers beyond int64 would wrap around and could look valid.
    const bool fits = item.is_number_integer() &&
                      (!item.is_number_unsigned() || item.get<std::uint64_t>() <= std::uint64_t{INT32_MAX});
    const auto number = fits ? item.get<std::int64_t>() : -1;
    if (number < 0 || number > most)
      throw Error(text(where, ": field \"", field, "\"[", numbers.size(), "]: found ", shown_value(item),
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
    throw Error(text(where, ": field \"scores\": found ", array.size(), " numbers, wanted one for each of ",
                     tokens, " tokens"));
  for (const Json& item : array) {
    if (!item.is_number() && !item.is_null())
      throw Error(text(where, ": field \"scores\"[", scores.size(), "]: found ", shown_value(item),
                       ", wanted a number or null"));
    scores.push_back(item.is_null() ? std::nan("") : item.get<double>());
  }
}

void encode(const Tokenizer& tokenizer, RowLimits limits, const std::optional<std::string>& pair,
            const std::string& where, InputRow& row) {
  static_cast<Encoding&>(row) =
      pair ? tokenizer.encode_pair(row.text[0], *pair, where) : tokenizer.encode(row.text[0], where);
  row.text[1] = pair.value_or("");
  if (row.ids.empty() && !limits.empty_texts)
    throw Error(where + ": the text has no tokens, wanted one or more");
  for (const TokenId id : row.ids)
    if (id >= limits.vocabulary)
      throw Error(text(where, ": token ", json_string(tokenizer.vocabulary().token(id)), " has id ", id,
                       ", the model has ids 0 to ", limits.vocabulary - 1));
  if (std::ssize(row.ids) > limits.longest)
    throw Error(text(where, ": the text has ", row.ids.size(), " tokens, wanted at most ", limits.longest,
                     ", the model's positions"));
}

}  // namespace

RowReader::RowReader(const std::string& path, RowLimits limits, const Tokenizer* tokenizer, RowFormat format)
    : objects_(path, format), limits_(limits), tokenizer_(tokenizer) {}

void RowReader::read_tokens(const Json& object, const std::string& where, InputRow& row) const {
  row.types.clear();
  row.places.clear();
  row.text[0].clear();
  row.text[1].clear();
  if (object.is_object() && !has_field(object, "input_ids") && has_field(object, "text")) {
    if (tokenizer_ == nullptr)
      throw Error(text(where, ": field \"input_ids\": found only \"text\", wanted token ids"),
                  "turning text into ids needs a folder with tokenizer files; give rows of input_ids");
    row.text[0] = require_string(object, "text", where);
    std::optional<std::string> pair;
    if (has_field(object, "text_pair")) pair = require_string(object, "text_pair", where);
    return encode(*tokenizer_, limits_, pair, where, row);
  }
  if (tokenizer_ != nullptr && object.is_object() && !has_field(object, "input_ids"))
    throw Error(where + ": fields \"text\" and \"input_ids\": missing, wanted one of them");
  read_numbers(object, "input_ids", where, limits_.vocabulary - 1, row.ids);
  if (std::ssize(row.ids) > limits_.longest)
    throw Error(text(where, ": field \"input_ids\": found ", row.ids.size(), " tokens, wanted at most ",
                     limits_.longest, ", the model's positions"));
  if (!has_field(object, "token_type_ids")) return;
  read_numbers(object, "token_type_ids", where, 1, row.types);
  if (row.types.size() != row.ids.size())
    throw Error(text(where, ": field \"token_type_ids\": found ", row.types.size(),
                     " numbers, wanted one for each of ", row.ids.size(), " tokens"));
}

bool RowReader::next(InputRow& row) {
  Json object;
  const Index number = objects_.rows();
  row.id_json = std::to_string(number);
  if (!objects_.next(object)) return false;
  const std::string where = objects_.where();
  row.line = objects_.line_number();
  within_row([&] {
    row.id_json = read_row_id(object, where, number);
    read_tokens(object, where, row);
    row.label.reset();
    if (has_field(object, "label"))
      row.label = static_cast<int>(require_integer(object, "label", where, 0, limits_.classes - 1));
    row.log_odds.reset();
    if (has_field(object, "log_odds")) row.log_odds = require_number(object, "log_odds", where);
    read_scores(object, where, row.ids.size(), row.scores);
  });
  return true;
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
