// The tokens that files list: those of a model with their ids, and those that were added to it.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "slalom/base/json.hpp"
#include "slalom/text/vocabulary.hpp"

namespace slalom {

/// The fields of tokenizer.json's "added_tokens".
struct AddedToken {
  TokenId id = 0;
  std::string content;
  bool special = false;
  bool single_word = false;  // not where a word character is next to it
  bool lstrip = false;       // takes the white space before it
  bool rstrip = false;       // and behind it
  bool normalized = false;   // is looked for in the normalised text, by its own normalised name
};

struct TokenList {
  Vocabulary vocabulary;                // of the model, and the added tokens
  std::vector<AddedToken> added{};      // in the order of the file
  std::vector<TokenId> not_in_model{};  // ascending: ids that only the added tokens have
};

using NumberedTokens = std::map<TokenId, std::string>;

/// {"token": id, …}. Throws Error for anything else, and for two tokens of one id.
NumberedTokens parse_token_ids(const Json& object, const std::string& where);
/// An added token with its fields "content", "special", "single_word", "lstrip", "rstrip", "normalized"; a
/// string is its content. `fallback` has the fields that are missing.
AddedToken parse_added_token(const Json& token, AddedToken fallback, const std::string& where);
/// Both in one vocabulary. Throws Error naming `where` and the token if they contradict each other, and
/// unless every id from 0 to the largest has a token.
TokenList join_tokens(NumberedTokens model, std::vector<AddedToken> added, const std::string& where);
/// The tokens of a parsed tokenizer.json, whatever its model. Throws Error naming `where` and the field.
TokenList parse_token_list(const Json& tokenizer, const std::string& where);

}  // namespace slalom
