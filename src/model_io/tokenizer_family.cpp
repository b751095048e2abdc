#include "slalom/model_io/tokenizer_family.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

#include "slalom/base/error.hpp"
#include "slalom/model_io/folder_file.hpp"

namespace slalom {

namespace {

struct Row {
  const char* tokenizer_class;
  TokenizerFamily family;
  const char *file, *model_type;
};
// The first family of a file is the usual one.
constexpr Row kRows[] = {
    {"BertTokenizer", TokenizerFamily::bert, "vocab.txt", "bert"},
    {"DistilBertTokenizer", TokenizerFamily::bert, "vocab.txt", "distilbert"},
    {"ElectraTokenizer", TokenizerFamily::bert, "vocab.txt", "electra"},
    {"GPT2Tokenizer", TokenizerFamily::gpt2, "vocab.json", "gpt2"},
    {"RobertaTokenizer", TokenizerFamily::roberta, "vocab.json", "roberta"},
    {"XLMRobertaTokenizer", TokenizerFamily::xlm_roberta, "sentencepiece.bpe.model", "xlm-roberta"},
    {"CamembertTokenizer", TokenizerFamily::camembert, "sentencepiece.bpe.model", "camembert"},
    {"AlbertTokenizer", TokenizerFamily::albert, "spiece.model", "albert"}};

bool is_sentence_pieces(std::string_view file) {
  return file.ends_with(".model");
}

std::string without_fast(std::string name) {
  if (name.ends_with("Fast")) name.resize(name.size() - 4);
  return name;
}

}  // namespace

std::optional<TokenizerFamily> tokenizer_family_of_class(std::string name) {
  const auto row = std::ranges::find(kRows, without_fast(std::move(name)), &Row::tokenizer_class);
  return row == std::end(kRows) ? std::nullopt : std::optional(row->family);
}

std::string tokenizer_class(TokenizerFamily family) {
  return std::ranges::find(kRows, family, &Row::family)->tokenizer_class;
}

TokenizerFamily read_tokenizer_family(const std::string& folder, const std::string& file) {
  const bool pieces = is_sentence_pieces(file);
  std::vector<Row> rows;
  for (const Row& row : kRows)
    if (file == row.file || (pieces && is_sentence_pieces(row.file))) rows.push_back(row);
  const auto refuse = [&](const std::string& path, const char* field, const std::string& found,
                          const char* Row::*wanted) {
    throw Error(concat(path, ": field \"", field, "\": found ", json_string(found), ", wanted one of ",
                       listed(rows, [&](const Row& row) { return row.*wanted; }), " for ", file));
  };
  const std::string settings = folder + "/tokenizer_config.json", config = folder + "/config.json";
  const std::string found = optional_string(read_object_if_there(settings), "tokenizer_class", settings, "");
  const std::string name = without_fast(found);
  if (!name.empty() && name != "PreTrainedTokenizer" && name != "TokenizersBackend") {
    const auto row = std::ranges::find(rows, name, &Row::tokenizer_class);
    if (row == rows.end()) refuse(settings, "tokenizer_class", found, &Row::tokenizer_class);
    return row->family;
  }
  const std::string type = optional_string(read_object_if_there(config), "model_type", config, "");
  if (const auto row = std::ranges::find(rows, type, &Row::model_type); row != rows.end()) return row->family;
  if (pieces && !type.empty()) refuse(config, "model_type", type, &Row::model_type);
  return std::ranges::find(rows, file, &Row::file)->family;
}

}  // namespace slalom
