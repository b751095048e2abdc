// The tokenizer of a model folder.
#pragma once

#include <optional>
#include <string>

#include "slalom/text/tokenizer.hpp"

namespace slalom {

/// All files that a tokenizer may be made from.
inline constexpr const char* kTokenizerFiles[] = {"tokenizer.json",
                                                  "tokenizer_config.json",
                                                  "special_tokens_map.json",
                                                  "added_tokens.json",
                                                  "vocab.txt",
                                                  "vocab.json",
                                                  "merges.txt",
                                                  "sentencepiece.bpe.model",
                                                  "spiece.model"};

/// Made from tokenizer.json, else vocab.txt (WordPiece), else vocab.json and merges.txt (byte-level BPE),
/// else sentencepiece.bpe.model or spiece.model (Unigram); the latter three read tokenizer_config.json (class
/// and settings), special_tokens_map.json and added_tokens.json. RoBERTa or GPT-2 is what "tokenizer_class"
/// says there, else "model_type" in config.json, else GPT-2. Special tokens' names are looked for in texts,
/// but those of a GPT-2 folder only if a file names them. Where tokenizer_config.json's "tokenizer_class" is
/// one of BERT's, GPT-2's or RoBERTa's, its settings of case, accents, ideographs and the space before a text
/// go before those of tokenizer.json, as in Hugging Face's library. nullopt if the folder has none of the
/// vocabulary files. Throws Error naming file, field, what was found and what is supported.
std::optional<Tokenizer> load_tokenizer(const std::string& folder);

/// Writes tokenizer.json and tokenizer_config.json for whole words, and removes other tokenizer files: a text
/// of words of the vocabulary, one space apart, reads as their ids, between [CLS] and [SEP] if `wrapped`.
/// Texts are lower-cased and split as BERT does it, unless that would change a word. `segments`: the model
/// reads token_type_ids. Throws Error if a file cannot be written.
void save_word_tokenizer(const Vocabulary& vocabulary, bool wrapped, bool segments,
                         const std::string& folder);

/// Copies the tokenizer files of a folder, and removes others of theirs: texts read there as they do here,
/// whatever model that folder holds. Throws Error as read_file() and write_file() do.
void copy_tokenizer(const std::string& from, const std::string& to);

}  // namespace slalom
