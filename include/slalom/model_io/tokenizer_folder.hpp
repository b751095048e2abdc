// The tokenizer of a model folder.
#pragma once

#include <optional>
#include <string>

#include "slalom/text/tokenizer.hpp"

namespace slalom {

/// Made from tokenizer.json, else vocab.txt (WordPiece), else vocab.json and merges.txt (byte-level BPE),
/// else sentencepiece.bpe.model or spiece.model (Unigram); the latter three read tokenizer_config.json (class
/// and settings), special_tokens_map.json and added_tokens.json. RoBERTa or GPT-2 is what "tokenizer_class"
/// says there, else "model_type" in config.json, else GPT-2. Special tokens' names are looked for in texts,
/// but those of a GPT-2 folder only if a file names them. Where tokenizer_config.json's "tokenizer_class" is
/// one of BERT's, GPT-2's or RoBERTa's, its settings of case, accents, ideographs and the space before a text
/// go before those of tokenizer.json, as in Hugging Face's library. nullopt if the folder has none of the
/// vocabulary files. Throws Error naming file, field, what was found and what is supported.
std::optional<Tokenizer> load_tokenizer(const std::string& folder);

}  // namespace slalom
