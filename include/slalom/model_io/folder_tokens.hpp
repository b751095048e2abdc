// What a model folder says about its tokens: their texts, and which of them are special.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "slalom/text/special_tokens.hpp"
#include "slalom/text/token_list.hpp"

namespace slalom {

/// The added tokens are those of tokenizer.json, else of added_tokens.json and "added_tokens_decoder".
struct FolderTokens : TokenList {
  /// That has the vocabulary: the first of tokenizer.json, vocab.txt, vocab.json, sentencepiece.bpe.model and
  /// spiece.model that is there; "" if none is.
  std::string file;
  SpecialTokens special;
  std::optional<TokenId> padding;  // special.pad, else what tokenizer.json or config.json pad with
  struct Unresolved {
    std::string file, field, name;
  };
  std::vector<Unresolved> unresolved;  // names of special tokens that no vocabulary here has
  std::vector<AddedToken> named;       // the special tokens, [MASK] and <unk> included
  bool named_by_file = false;          // a file names them; otherwise they are those with usual names

  /// The token's text, or its id where the folder does not tell.
  std::string text(TokenId id) const;
  bool is_special(TokenId id) const { return special.is_special(id); }
  /// `id`, which is what the field names, as a list; an empty one if no file has the field. Throws Error
  /// naming file and field if the vocabulary lacks the token.
  std::vector<TokenId> required(const std::optional<TokenId>& id, std::string_view field) const;
};

/// Reads the vocabulary with the added tokens, and the names of the special tokens: each is as
/// special_tokens_map.json, else tokenizer_config.json says, where null is none; what they do not mention has
/// a usual name that is in the vocabulary ([CLS], <s> …), or does not exist. Special added tokens are special
/// tokens, too. Throws Error naming file and field for what is no token, such as an empty one.
FolderTokens read_folder_tokens(const std::string& folder);

}  // namespace slalom
