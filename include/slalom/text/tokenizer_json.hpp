// tokenizer.json, the format of Hugging Face's tokenizers library. "truncation", "padding" and "decoder" are
// not read.
#pragma once

#include <string>
#include <string_view>

#include "slalom/base/json.hpp"
#include "slalom/text/tokenizer.hpp"

namespace slalom {

/// The tokenizer of a tokenizer.json: WordPiece, byte-level BPE and Unigram models. Throws Error naming
/// `where`, the field, what was found and what is supported.
Tokenizer parse_tokenizer(std::string_view json, const std::string& where);
/// The same of its parsed object.
Tokenizer tokenizer_of(const Json& json, const std::string& where);

}  // namespace slalom
