// SentencePiece's model files (sentencepiece.bpe.model, spiece.model), as far as Hugging Face's tokenizers of
// XLM-RoBERTa, CamemBERT and ALBERT use them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace slalom {

struct SentencePieces {
  enum class Family { xlm_roberta, camembert, albert } family = Family::xlm_roberta;
  std::vector<std::pair<std::string, double>> pieces;  // with their scores, by token id
  std::int64_t unk = 0;
  bool byte_fallback = false;
  std::string character_map;  // see character_map_rule(); may be empty
};

/// The pieces of a file (a protobuf message ModelProto) in its own order. Throws Error naming `where` for
/// what is no such message and for another model than Unigram.
SentencePieces parse_sentence_pieces(std::string_view model, const std::string& where);

/// Those of a folder, numbered as its family has them; nullopt if it has no such file. The family is what
/// tokenizer_config.json's "tokenizer_class" says, else config.json's "model_type", else the file's name.
/// Throws Error naming file and field for another family.
std::optional<SentencePieces> read_sentence_pieces(const std::string& folder);

}  // namespace slalom
