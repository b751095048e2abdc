#include "slalom/model_io/save_tokenizer.hpp"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "slalom/base/error.hpp"
#include "slalom/base/files.hpp"
#include "slalom/base/json.hpp"
#include "slalom/model_io/folder_file.hpp"
#include "slalom/model_io/folder_tokens.hpp"
#include "slalom/model_io/tokenizer_family.hpp"
#include "slalom/text/tokenizer_json.hpp"

namespace slalom {

namespace {

void write_json(const std::string& folder, const char* name, const Json& json) {
  write_file(concat(folder, "/", name), json.dump() + "\n");
}

// [CLS] and [SEP] are null where nothing is put around texts.
Json bracketed_names(bool wrapped) {
  return {{"cls_token", wrapped ? Json("[CLS]") : Json()},
          {"sep_token", wrapped ? Json("[SEP]") : Json()},
          {"pad_token", "[PAD]"},
          {"unk_token", "[UNK]"},
          {"mask_token", "[MASK]"}};
}

// --- trained vocabularies --------------------------------------------------------------------------------

void save_word_pieces(const TrainedVocabulary& trained, bool lower_case, const std::string& folder) {
  trained.vocabulary.save(folder + "/vocab.txt");
  write_json(folder, "tokenizer_config.json",
             {{"tokenizer_class", "BertTokenizer"}, {"do_lower_case", lower_case}});
  write_json(folder, "special_tokens_map.json", bracketed_names(true));
}

void save_byte_pairs(const TrainedVocabulary& trained, const std::string& folder) {
  JsonRow ids;
  for (TokenId id = 0; id < trained.vocabulary.size(); ++id) ids.field(trained.vocabulary.token(id), id);
  write_file(folder + "/vocab.json", ids.str() + "\n");
  save_merges(trained.merges, folder + "/merges.txt");
  const Json end_of_text = {{"content", kEndOfText}, {"lstrip", false},      {"normalized", false},
                            {"rstrip", false},       {"single_word", false}, {"special", true}};
  write_json(folder, "tokenizer_config.json",
             {{"tokenizer_class", "GPT2Tokenizer"},
              {"add_prefix_space", false},
              {"added_tokens_decoder", {{"0", end_of_text}}}});
  write_json(folder, "special_tokens_map.json",
             {{"bos_token", kEndOfText}, {"eos_token", kEndOfText}, {"unk_token", kEndOfText}});
}

// --- whole words -----------------------------------------------------------------------------------------

Json word_tokenizer_json(const Vocabulary& vocabulary, bool wrapped, bool as_bert) {
  const SpecialTokens special = usual_special_tokens(vocabulary);
  Json ids = Json::object(), added = Json::array();
  for (TokenId id = 0; id < vocabulary.size(); ++id) {
    ids[vocabulary.token(id)] = id;
    if (special.is_special(id) || id == special.unk || id == special.mask)
      added.push_back({{"id", id},
                       {"content", vocabulary.token(id)},
                       {"single_word", false},
                       {"lstrip", false},
                       {"rstrip", false},
                       {"normalized", false},
                       {"special", true}});
  }
  Json json = {{"version", "1.0"}, {"truncation", nullptr}, {"padding", nullptr}, {"added_tokens", added}};
  json["normalizer"] = nullptr;
  if (as_bert)
    json["normalizer"] = {{"type", "BertNormalizer"},
                          {"clean_text", true},
                          {"handle_chinese_chars", true},
                          {"strip_accents", nullptr},
                          {"lowercase", true}};
  json["pre_tokenizer"] = {{"type", as_bert ? "BertPreTokenizer" : "WhitespaceSplit"}};
  json["post_processor"] = nullptr;
  if (wrapped)
    json["post_processor"] = {{"type", "BertProcessing"},
                              {"sep", Json::array({"[SEP]", special.sep.value()})},
                              {"cls", Json::array({"[CLS]", special.cls.value()})}};
  json["decoder"] = {{"type", "WordPiece"}, {"prefix", "##"}, {"cleanup", true}};
  json["model"] = {{"type", "WordPiece"},
                   {"unk_token", "[UNK]"},
                   {"continuing_subword_prefix", "##"},
                   {"max_input_chars_per_word", std::max<std::size_t>(100, vocabulary.longest_token())},
                   {"vocab", ids}};
  return json;
}

// Bracketed tokens are no words.
bool reads_words(const Tokenizer& tokenizer) {
  const auto [before, behind] = tokenizer.frame();
  const Vocabulary& vocabulary = tokenizer.vocabulary();
  for (TokenId id = 0; id < vocabulary.size(); ++id) {
    const std::string& word = vocabulary.token(id);
    if (word.starts_with('[') && word.ends_with(']')) continue;
    std::vector<TokenId> wanted = before;
    wanted.push_back(id);
    wanted.insert(wanted.end(), behind.begin(), behind.end());
    if (tokenizer.encode(word, "[tokenizer]").ids != wanted) return false;
  }
  return true;
}

}  // namespace

void save_tokenizer(const TrainedVocabulary& trained, const VocabularyTraining& training,
                    const std::string& folder) {
  const bool word_pieces = training.kind == VocabularyKind::word_piece;
  StagedFiles staged(folder, word_pieces ? "vocab.txt" : "vocab.json");
  if (word_pieces)
    save_word_pieces(trained, training.lower_case, staged.path());
  else
    save_byte_pairs(trained, staged.path());
  staged.commit();
}

void save_word_tokenizer(const Vocabulary& vocabulary, bool wrapped, bool segments,
                         const std::string& folder) {
  Json json = word_tokenizer_json(vocabulary, wrapped, true);
  const bool as_bert = reads_words(tokenizer_of(json, folder));
  if (!as_bert) json = word_tokenizer_json(vocabulary, wrapped, false);
  for (const char* file : kTokenizerFiles) std::filesystem::remove(concat(folder, "/", file));
  write_json(folder, "tokenizer.json", json);
  Json config = {{"tokenizer_class", "PreTrainedTokenizerFast"}, {"do_lower_case", as_bert}};
  config.update(bracketed_names(wrapped));
  config["model_input_names"] = {"input_ids", "attention_mask"};
  if (segments) config["model_input_names"].push_back("token_type_ids");
  write_json(folder, "tokenizer_config.json", config);
}

void copy_tokenizer(const std::string& from, const std::string& to) {
  std::error_code code;
  if (std::filesystem::equivalent(from, to, code)) return;
  for (const char* file : kTokenizerFiles) {
    const std::string source = concat(from, "/", file), target = concat(to, "/", file);
    if (is_there(source))
      write_file(target, read_file(source));
    else
      std::filesystem::remove(target);
  }
  // The family of these files without a class is what the folder's config.json says, and `to` has another.
  const std::string file = read_folder_tokens(from).file, settings = from + "/tokenizer_config.json";
  if (file.empty() || file == "tokenizer.json" || file == "vocab.txt") return;
  Json json = read_object_if_there(settings);
  if (tokenizer_family_of_class(optional_string(json, "tokenizer_class", settings, ""))) return;
  json["tokenizer_class"] = tokenizer_class(read_tokenizer_family(from, file));
  write_json(to, "tokenizer_config.json", json);
}

}  // namespace slalom
