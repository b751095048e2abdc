// What a model folder says about its tokens: their texts, and which of them are special.
#pragma once

#include <string>
#include <vector>

#include "slalom/text/vocabulary.hpp"

namespace slalom {

struct FolderTokens {
  Vocabulary vocabulary;  // empty if the folder has no vocab.txt or vocab.json
  SpecialTokens special;
  std::vector<TokenId>
      markers;  // ids that are no part of a text, ascending: [CLS], [SEP], [PAD], <s>, <|endoftext|> …

  std::vector<std::string> unresolved;  // names of special tokens that no vocabulary here has

  /// The token's text, or its id where the folder does not tell.
  std::string text(TokenId id) const;
  bool is_marker(TokenId id) const;
};

/// Reads vocab.txt, else vocab.json, and the names of the special tokens in special_tokens_map.json, else
/// tokenizer_config.json, else those in brackets ([CLS] …). A folder without any of them has no markers.
/// An unknown-word or mask token is no marker: it stands for something in the text. Throws Error naming file
/// and field.
FolderTokens read_folder_tokens(const std::string& folder);

}  // namespace slalom
