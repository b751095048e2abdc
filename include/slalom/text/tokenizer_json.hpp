// tokenizer.json, the format of Hugging Face's tokenizers library. "truncation", "padding" and "decoder" are
// not read.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "slalom/base/json.hpp"
#include "slalom/text/tokenizer.hpp"

namespace slalom {

struct TokenList {
  Vocabulary vocabulary;                // of the model, and the added tokens
  std::vector<AddedToken> added{};      // in the order of the file
  std::vector<TokenId> not_in_model{};  // ascending: ids that only the added tokens have
};

/// {"token": id, …}. Throws Error for anything else and for ids with gaps.
std::vector<NumberedToken> parse_token_ids(const Json& object, const std::string& where);
/// An added token with its fields "content", "special", "single_word", "lstrip", "rstrip", "normalized"; a
/// string is its content. `fallback` has the fields that are missing.
AddedToken parse_added_token(const Json& token, AddedToken fallback, const std::string& where);
/// Both in one vocabulary. Throws Error if they contradict each other.
TokenList join_tokens(std::vector<NumberedToken> model, std::vector<AddedToken> added,
                      const std::string& where);

/// The tokens of a parsed tokenizer.json, whatever its model. Throws Error naming `where` and the field.
TokenList parse_token_list(const Json& tokenizer, const std::string& where);

/// The tokenizer of a tokenizer.json: WordPiece, byte-level BPE and Unigram models. Throws Error naming
/// `where`, the field, what was found and what is supported.
Tokenizer parse_tokenizer(std::string_view json, const std::string& where);
/// The same of its parsed object.
Tokenizer tokenizer_of(const Json& json, const std::string& where);

}  // namespace slalom
