#include "slalom/text/token_list.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <unordered_map>

#include "slalom/base/error.hpp"

namespace slalom {

namespace {

constexpr std::int64_t kLargestId = INT32_MAX - 1;

/// Throws Error if the id is another token's.
void put(TokenId id, const std::string& token, NumberedTokens& tokens, const std::string& where) {
  const auto place = tokens.emplace_hint(tokens.end(), id, token);
  if (place->second != token)
    throw Error(concat(where, ": tokens ", json_string(place->second), " and ", json_string(token),
                       " have the same id"));
}

}  // namespace

NumberedTokens parse_token_ids(const Json& object, const std::string& where) {
  if (!object.is_object() || object.empty())
    throw Error(where + ": found no tokens, wanted {\"token\": id, ...}");
  NumberedTokens tokens;
  for (const auto& [token, id] : object.get_ref<const Json::object_t&>()) {
    // An unsigned number beyond int64 compares as a negative one.
    if (!id.is_number_integer() || id < 0 || id > kLargestId)
      require_integer(object, token, where, 0, kLargestId);
    put(id.get<TokenId>(), token, tokens, where);
  }
  return tokens;
}

AddedToken parse_added_token(const Json& token, AddedToken fallback, const std::string& where) {
  fallback.content = token.is_string() ? token.get<std::string>() : require_string(token, "content", where);
  if (fallback.content.empty())
    throw Error(where + ": found an empty token, wanted one that a text can have");
  if (token.is_string()) return fallback;
  for (const auto& [field, value] : {std::pair{"special", &fallback.special},
                                     {"single_word", &fallback.single_word},
                                     {"lstrip", &fallback.lstrip},
                                     {"rstrip", &fallback.rstrip},
                                     {"normalized", &fallback.normalized}})
    *value = optional_boolean(token, field, where, *value);
  return fallback;
}

TokenList join_tokens(NumberedTokens model, std::vector<AddedToken> added, const std::string& where) {
  std::unordered_map<std::string_view, TokenId> id_of_added;
  for (const AddedToken& token : added) id_of_added[token.content] = token.id;
  for (const auto& [id, token] : model)
    if (const auto same = id_of_added.find(token); same != id_of_added.end() && same->second != id)
      throw Error(concat(where, ": the added token ", json_string(token), " has id ", same->second,
                         ", and the vocabulary has it as ", id));
  TokenList list;
  for (const AddedToken& token : added) {
    if (!model.contains(token.id)) list.not_in_model.push_back(token.id);
    put(token.id, token.content, model, where);
  }
  std::ranges::sort(list.not_in_model);
  std::vector<std::string> tokens;
  for (auto& [id, token] : model) {
    if (std::cmp_not_equal(id, tokens.size()))
      throw Error(concat(where, ": found ", json_string(token), " with id ", id, " and no token with id ",
                         tokens.size(), ", wanted ids without gaps"));
    tokens.push_back(std::move(token));
  }
  list.vocabulary = Vocabulary(std::move(tokens));
  list.added = std::move(added);
  return list;
}

TokenList parse_token_list(const Json& tokenizer, const std::string& where) {
  const std::string at_vocabulary = where + ": model: vocab";
  const Json& model = require_object(tokenizer, "model", where);
  static const Json kNone;
  const auto found = model.find("vocab");
  const Json& vocabulary = found == model.end() ? kNone : *found;
  NumberedTokens tokens;
  if (vocabulary.is_array()) {  // Unigram: [["token", score], …]
    for (const Json& entry : vocabulary) {
      if (!entry.is_array() || entry.empty() || !entry[0].is_string())
        throw Error(concat(at_vocabulary, "[", tokens.size(), "]: wanted [\"token\", score]"));
      put(static_cast<TokenId>(tokens.size()), entry[0].get<std::string>(), tokens, where);
    }
  } else {
    tokens = parse_token_ids(vocabulary, at_vocabulary);
  }
  std::vector<AddedToken> added;
  if (tokenizer.contains("added_tokens") && !tokenizer["added_tokens"].is_null())
    for (const Json& entry : require_array(tokenizer, "added_tokens", where)) {
      const std::string at = concat(where, ": added_tokens[", added.size(), "]");
      AddedToken token = parse_added_token(entry, {}, at);
      token.id = static_cast<TokenId>(require_integer(entry, "id", at, 0, kLargestId));
      added.push_back(std::move(token));
    }
  return join_tokens(std::move(tokens), std::move(added), where);
}

}  // namespace slalom
