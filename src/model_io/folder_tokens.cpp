#include "slalom/model_io/folder_tokens.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "slalom/base/error.hpp"
#include "slalom/base/files.hpp"
#include "slalom/base/numbers.hpp"
#include "slalom/model_io/folder_file.hpp"
#include "slalom/model_io/sentence_pieces.hpp"

namespace slalom {

namespace {

// --- added tokens ----------------------------------------------------------------------------------------

void put_added(AddedToken token, std::vector<AddedToken>& added) {
  const auto same = std::ranges::find(added, token.content, &AddedToken::content);
  if (same == added.end()) added.push_back(std::move(token));
}

// {"30522": {"content": "[NEW]", "special": true, …}, …}
void read_added_tokens_decoder(const std::string& path, std::vector<AddedToken>& added) {
  const Json config = read_object_if_there(path);
  if (!config.contains("added_tokens_decoder")) return;
  for (const auto& [key, value] : require_object(config, "added_tokens_decoder", path).items()) {
    const std::string where = concat(path, ": added_tokens_decoder: ", json_string(key));
    AddedToken token = parse_added_token(value, {}, where);
    token.id = parse_number<TokenId>(key).value_or(-1);
    if (token.id < 0) throw Error(where + ": wanted an id");
    put_added(std::move(token), added);
  }
}

// {"[NEW]": 30522, …}
void read_added_tokens_json(const std::string& path, std::vector<AddedToken>& added) {
  const Json json = read_object_if_there(path);
  if (json.empty()) return;
  for (const auto& [id, token] : parse_token_ids(json, path))
    put_added(parse_added_token(Json(token), {.id = id, .normalized = true}, path), added);
}

// --- vocabulary ------------------------------------------------------------------------------------------

std::optional<TokenId> id_in(const Json& json, const char* field, const std::string& where) {
  const std::int64_t id = optional_integer(json, field, where, -1, -1, INT32_MAX);
  return id < 0 ? std::nullopt : std::optional(static_cast<TokenId>(id));
}

NumberedTokens numbered_tokens(const std::string& folder, const std::string& file) {
  const std::string path = concat(folder, "/", file);
  if (file == "vocab.json") return parse_token_ids(read_json(path), path);
  NumberedTokens tokens;
  const auto append = [&](const std::string& token) {
    tokens.emplace_hint(tokens.end(), static_cast<TokenId>(tokens.size()), token);
  };
  if (file == "vocab.txt") {
    const Vocabulary vocabulary = Vocabulary::load(path);
    for (TokenId id = 0; id < vocabulary.size(); ++id) append(vocabulary.token(id));
  } else {
    for (const auto& [piece, score] : read_sentence_pieces(folder, file).pieces) append(piece);
  }
  return tokens;
}

void read_tokens(const std::string& folder, FolderTokens& tokens) {
  for (const char* file :
       {"tokenizer.json", "vocab.txt", "vocab.json", "sentencepiece.bpe.model", "spiece.model"})
    if (tokens.file.empty() && is_there(concat(folder, "/", file))) tokens.file = file;
  const std::string path = concat(folder, "/", tokens.file);
  if (tokens.file.empty()) return;
  TokenList& list = tokens;
  if (tokens.file == "tokenizer.json") {
    const Json json = read_json(path);
    list = parse_token_list(json, path);
    if (json.contains("padding") && json["padding"].is_object())
      tokens.padding = id_in(json["padding"], "pad_id", path + ": padding");
    return;
  }
  std::vector<AddedToken> added;
  read_added_tokens_decoder(folder + "/tokenizer_config.json", added);
  read_added_tokens_json(folder + "/added_tokens.json", added);
  list = join_tokens(numbered_tokens(folder, tokens.file), std::move(added), path);
}

// --- special tokens --------------------------------------------------------------------------------------

// A file that may name special tokens.
struct NamingFile {
  std::string path;
  Json json;
};

// The field's token, a string or an object with its "content", as far as the vocabulary has it.
std::optional<TokenId> resolve(const NamingFile& file, const char* field, const Json& token,
                               FolderTokens& tokens) {
  if (!token.is_object()) require_string(Json{{field, token}}, field, file.path);
  AddedToken named = parse_added_token(token, {}, concat(file.path, ": ", field));
  named.special = true;
  const std::optional<TokenId> id = tokens.vocabulary.find(named.content);
  if (!id) {
    tokens.unresolved.push_back({file.path, field, named.content});
  } else {
    named.id = *id;
    put_added(std::move(named), tokens.named);
  }
  return id;
}

void read_names(const std::string& folder, FolderTokens& tokens) {
  std::vector<NamingFile> files;
  for (const char* name : {"/special_tokens_map.json", "/tokenizer_config.json"})
    files.push_back({folder + name, read_object_if_there(folder + name)});
  const auto first_with = [&](const char* field) {
    return std::ranges::find_if(files, [&](const NamingFile& f) { return f.json.contains(field); });
  };
  for (const SpecialTokenField& field : kSpecialTokenFields) {
    std::optional<TokenId>& id = tokens.special.*field.id;
    if (const auto file = first_with(field.name); file != files.end()) {
      tokens.named_by_file = true;
      if (const Json& token = file->json[field.name]; !token.is_null())
        id = resolve(*file, field.name, token, tokens);
    } else if ((id = find_usual(field, tokens.vocabulary))) {
      put_added({.id = *id, .content = tokens.vocabulary.token(*id), .special = true}, tokens.named);
    }
  }
  // The latter from version 5 on.
  for (const char* const others : {"additional_special_tokens", "extra_special_tokens"})
    if (const auto file = first_with(others); file != files.end() && file->json[others].is_array())
      for (const Json& token : file->json[others]) resolve(*file, others, token, tokens);
  for (const std::vector<AddedToken>* list : {&tokens.added, &tokens.named})
    for (const AddedToken& token : *list)
      if (token.special && token.id != tokens.special.unk && token.id != tokens.special.mask)
        tokens.special.others.push_back(token.id);
}

}  // namespace

std::string FolderTokens::text(TokenId id) const {
  return vocabulary.contains(id) ? vocabulary.token(id) : std::to_string(id);
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
  if (tokens.special.pad) tokens.padding = tokens.special.pad;
  const std::string config = folder + "/config.json";
  if (!tokens.padding) tokens.padding = id_in(read_object_if_there(config), "pad_token_id", config);
  return tokens;
}

}  // namespace slalom
