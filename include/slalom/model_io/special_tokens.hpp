// What a model folder says about its tokens: their texts, and which of them are special.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "slalom/text/added_tokens.hpp"
#include "slalom/text/vocabulary.hpp"

namespace slalom {

struct FolderTokens {
  /// The file that has the vocabulary: the first of tokenizer.json, vocab.txt, vocab.json and a SentencePiece
  /// model that is there.
  enum class Source { none, tokenizer_json, vocab_txt, vocab_json, sentence_pieces };
  Source source = Source::none;
  Vocabulary vocabulary;  // empty if the folder has none of these files
  SpecialTokens special;
  std::optional<TokenId> begin, end;  // of a text: <|endoftext|>
  std::optional<TokenId> padding;     // special.pad, else what tokenizer.json or config.json pad with
  std::vector<TokenId>
      special_ids;  // ids that are no part of a text, ascending: [CLS], [SEP], [PAD], <s>, <|endoftext|> …
  struct Unresolved {
    std::string file, field, name;
  };
  std::vector<Unresolved> unresolved;  // names of special tokens that no vocabulary here has
  std::vector<AddedToken> added;  // of tokenizer.json, else of added_tokens.json and "added_tokens_decoder"
  std::vector<AddedToken> named;  // the special tokens, [MASK] and <unk> included
  bool named_by_file = false;     // a file names them; otherwise they are those with common names
  std::vector<TokenId> not_in_model;  // ascending: ids of added tokens that the vocabulary file lacks

  /// The token's text, or its id where the folder does not tell.
  std::string text(TokenId id) const;
  bool is_special(TokenId id) const;
  /// `id`, which is what the field names, as a list; an empty one if no file has the field. Throws Error
  /// naming file and field if the vocabulary lacks the token.
  std::vector<TokenId> required(const std::optional<TokenId>& id, std::string_view field) const;
};

/// Reads the vocabulary with the added tokens, and the names of the special tokens: each is as
/// special_tokens_map.json, else tokenizer_config.json says, where null is none; what they do not mention has
/// a common name that is in the vocabulary ([CLS], <s> …), or does not exist. Special added tokens are
/// special tokens, too. An unknown-word or mask token is none: it stands for something in the text. Throws
/// Error naming file and field for what is no token, such as an empty one.
FolderTokens read_folder_tokens(const std::string& folder);

}  // namespace slalom
