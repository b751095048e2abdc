#include "slalom/model_io/special_tokens.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "slalom/base/error.hpp"
#include "slalom/base/files.hpp"
#include "slalom/base/numbers.hpp"
#include "slalom/model_io/folder_file.hpp"
#include "slalom/model_io/sentence_pieces.hpp"
#include "slalom/text/tokenizer_json.hpp"

namespace slalom {

namespace {

Json read_object(const std::string& path) {
  Json json = read_json(path);
  if (!json.is_object())
    throw Error(concat(path, ": found ", json.is_array() ? "an array" : json.dump(), ", wanted an object"));
  return json;
}

// --- added tokens ----------------------------------------------------------------------------------------

void put_added(AddedToken token, std::vector<AddedToken>& added) {
  const auto same = std::ranges::find(added, token.content, &AddedToken::content);
  if (same == added.end()) added.push_back(std::move(token));
}

// {"30522": {"content": "[NEW]", "special": true, …}, …}
void read_added_tokens_decoder(const std::string& path, std::vector<AddedToken>& added) {
  const Json config = read_object(path);
  if (!config.contains("added_tokens_decoder")) return;
  const Json& tokens = require_object(config, "added_tokens_decoder", path);
  for (const auto& [key, value] : tokens.get_ref<const Json::object_t&>()) {
    const std::string where = concat(path, ": added_tokens_decoder: ", json_string(key));
    AddedToken token = parse_added_token(value, {}, where);
    token.id = parse_number<TokenId>(key).value_or(-1);
    if (token.id < 0) throw Error(where + ": wanted an id");
    put_added(std::move(token), added);
  }
}

// {"[NEW]": 30522, …}
void read_added_tokens_json(const std::string& path, std::vector<AddedToken>& added) {
  const Json json = read_json(path);
  if (json.is_object() && json.empty()) return;
  for (const NumberedToken& token : parse_token_ids(json, path))
    put_added(parse_added_token(Json(token.token), {.id = token.id, .normalized = true}, path), added);
}

void set_tokens(TokenList list, FolderTokens& tokens) {
  tokens.vocabulary = std::move(list.vocabulary);
  tokens.added = std::move(list.added);
  tokens.not_in_model = std::move(list.not_in_model);
}

void read_tokens(const std::string& folder, FolderTokens& tokens) {
  using Source = FolderTokens::Source;
  if (const std::string path = folder + "/tokenizer.json"; is_there(path)) {
    tokens.source = Source::tokenizer_json;
    return set_tokens(parse_token_list(read_json(path), path), tokens);
  }
  std::string path = folder + "/vocab.txt";
  std::vector<NumberedToken> numbered;
  if (is_there(path)) {
    tokens.source = Source::vocab_txt;
    const Vocabulary vocabulary = Vocabulary::load(path);
    for (TokenId id = 0; id < vocabulary.size(); ++id) numbered.push_back({id, vocabulary.token(id)});
  } else if (path = folder + "/vocab.json"; is_there(path)) {
    tokens.source = Source::vocab_json;
    numbered = parse_token_ids(read_json(path), path);
  } else if (const std::optional<SentencePieces> model = read_sentence_pieces(folder)) {
    tokens.source = Source::sentence_pieces;
    for (const auto& [piece, score] : model->pieces)
      numbered.push_back({static_cast<TokenId>(numbered.size()), piece});
  } else {
    return;
  }
  std::vector<AddedToken> added;
  if (const std::string config = folder + "/tokenizer_config.json"; is_there(config))
    read_added_tokens_decoder(config, added);
  if (const std::string file = folder + "/added_tokens.json"; is_there(file))
    read_added_tokens_json(file, added);
  set_tokens(join_tokens(std::move(numbered), std::move(added), path), tokens);
}

// --- names -----------------------------------------------------------------------------------------------

// The field's token, a string or an object with its "content", as far as the vocabulary has it.
std::optional<TokenId> resolve(const Json& token, const char* field, const std::string& where,
                               FolderTokens& tokens) {
  if (!token.is_object()) require_string(Json{{field, token}}, field, where);
  AddedToken named = parse_added_token(token, {}, where + ": " + field);
  named.special = true;
  const std::optional<TokenId> id = tokens.vocabulary.find(named.content);
  if (!id) {
    tokens.unresolved.push_back({where, field, named.content});
  } else {
    named.id = *id;
    put_added(std::move(named), tokens.named);
  }
  return id;
}

struct NamedField {
  const char* field;
  std::optional<TokenId>* id;
  std::vector<const char*> common;  // names in use
};

std::vector<NamedField> named_fields(FolderTokens& tokens) {
  return {{"cls_token", &tokens.special.cls, {"[CLS]", "<s>"}},
          {"sep_token", &tokens.special.sep, {"[SEP]", "</s>"}},
          {"pad_token", &tokens.special.pad, {"[PAD]", "<pad>"}},
          {"unk_token", &tokens.special.unk, {"[UNK]", "<unk>"}},
          {"mask_token", &tokens.special.mask, {"[MASK]", "<mask>"}},
          {"bos_token", &tokens.begin, {"<|endoftext|>"}},
          {"eos_token", &tokens.end, {"<|endoftext|>"}}};
}

void find_common_name(const NamedField& f, FolderTokens& tokens) {
  for (const char* name : f.common)
    if ((*f.id = tokens.vocabulary.find(name)))
      return put_added({.id = **f.id, .content = name, .special = true}, tokens.named);
}

// A file that may name special tokens.
struct NamingFile {
  std::string path;
  Json json;
};

void read_names(const std::string& folder, FolderTokens& tokens) {
  std::vector<NamingFile> files;
  for (const char* name : {"/special_tokens_map.json", "/tokenizer_config.json"})
    if (const std::string path = folder + name; is_there(path)) files.push_back({path, read_object(path)});
  const auto first_with = [&](const char* field) {
    return std::ranges::find_if(files, [&](const NamingFile& f) { return f.json.contains(field); });
  };
  for (const NamedField& f : named_fields(tokens)) {
    const auto file = first_with(f.field);
    if (file == files.end())
      find_common_name(f, tokens);
    else if (!file->json[f.field].is_null())
      *f.id = resolve(file->json[f.field], f.field, file->path, tokens);
    tokens.named_by_file = tokens.named_by_file || file != files.end();
  }
  // The latter from version 5 on.
  for (const char* const others : {"additional_special_tokens", "extra_special_tokens"})
    if (const auto file = first_with(others); file != files.end() && file->json[others].is_array())
      for (const Json& token : file->json[others]) resolve(token, others, file->path, tokens);
}

std::optional<TokenId> id_in(const Json& json, const char* field, const std::string& where) {
  const std::int64_t id = optional_integer(json, field, where, -1, -1, INT32_MAX);
  return id < 0 ? std::nullopt : std::optional(static_cast<TokenId>(id));
}

std::optional<TokenId> padding_of(const std::string& folder, const FolderTokens& tokens) {
  if (tokens.special.pad) return tokens.special.pad;
  if (const std::string path = folder + "/tokenizer.json"; is_there(path)) {
    const Json json = read_json(path);
    if (json.contains("padding") && json["padding"].is_object())
      return id_in(json["padding"], "pad_id", path + ": padding");
  }
  const std::string path = folder + "/config.json";
  return is_there(path) ? id_in(read_json(path), "pad_token_id", path) : std::nullopt;
}

std::vector<TokenId> special_ids_of(const FolderTokens& tokens) {
  std::vector<TokenId> special_ids;
  for (const std::optional<TokenId>& id :
       {tokens.special.cls, tokens.special.sep, tokens.special.pad, tokens.begin, tokens.end})
    if (id) special_ids.push_back(*id);
  for (const std::vector<AddedToken>* list : {&tokens.added, &tokens.named})
    for (const AddedToken& token : *list)
      if (token.special && token.id != tokens.special.unk && token.id != tokens.special.mask)
        special_ids.push_back(token.id);
  std::ranges::sort(special_ids);
  special_ids.erase(std::unique(special_ids.begin(), special_ids.end()), special_ids.end());
  return special_ids;
}

}  // namespace

std::string FolderTokens::text(TokenId id) const {
  return vocabulary.contains(id) ? vocabulary.token(id) : std::to_string(id);
}

bool FolderTokens::is_special(TokenId id) const {
  return std::ranges::binary_search(special_ids, id);
}

std::vector<TokenId> FolderTokens::required(const std::optional<TokenId>& id, std::string_view field) const {
  if (id) return {*id};
  const auto lacking = std::ranges::find(unresolved, field, &Unresolved::field);
  if (lacking != unresolved.end())
    throw Error(slalom::concat(lacking->file, ": field \"", field, "\": found ", json_string(lacking->name),
                               ", wanted a token of the vocabulary"));
  return {};
}

FolderTokens read_folder_tokens(const std::string& folder) {
  FolderTokens tokens;
  read_tokens(folder, tokens);
  read_names(folder, tokens);
  tokens.special_ids = special_ids_of(tokens);
  tokens.padding = padding_of(folder, tokens);
  return tokens;
}

}  // namespace slalom
