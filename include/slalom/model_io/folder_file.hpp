// The files of a model folder, which people get by clones and downloads that go wrong.
#pragma once

#include <string>

#include "slalom/base/json.hpp"

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

/// Whether there is such a file. Throws Error naming it if it stands for something else: a Git LFS pointer, a
/// web page, or nothing at all.
bool is_there(const std::string& path);

/// The JSON object in the file, an empty one if there is no such file. Throws Error naming it for anything
/// else.
Json read_object_if_there(const std::string& path);

}  // namespace slalom
