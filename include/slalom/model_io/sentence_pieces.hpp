// SentencePiece's model files (sentencepiece.bpe.model, spiece.model), as far as Hugging Face's tokenizers of
// XLM-RoBERTa, CamemBERT and ALBERT use them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "slalom/model_io/tokenizer_family.hpp"

namespace slalom {

struct SentencePieces {
  TokenizerFamily family = TokenizerFamily::xlm_roberta;
  std::vector<std::pair<std::string, double>> pieces;  // with their scores, by token id
  std::int64_t unk = 0;
  bool byte_fallback = false;
  std::string character_map;  // see normalizer::map_characters(); may be empty
};

/// The pieces of a file (a protobuf message ModelProto) in its own order. Throws Error naming `where` for
/// what is no such message and for another model than Unigram.
SentencePieces parse_sentence_pieces(std::string_view model, const std::string& where);

/// Those of a folder's file, numbered as its family has them. Throws Error as read_tokenizer_family() does,
/// too.
SentencePieces read_sentence_pieces(const std::string& folder, const std::string& file);

}  // namespace slalom
