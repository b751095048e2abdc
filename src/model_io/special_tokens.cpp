#include "slalom/model_io/special_tokens.hpp"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>

#include "slalom/base/error.hpp"
#include "slalom/base/files.hpp"
#include "slalom/base/json.hpp"

namespace slalom {

namespace {

bool is_there(const std::string& path) {
  return std::filesystem::exists(path);
}

// {"token": id, …} with every id from 0 on exactly once.
Vocabulary read_json_vocabulary(const std::string& path) {
  const Json json = parse_json(read_file(path), path);
  if (!json.is_object() || json.empty()) throw Error(path + ": found no tokens, wanted {\"token\": id, ...}");
  std::vector<std::optional<std::string>> tokens(json.size());
  const auto last = static_cast<std::int64_t>(json.size()) - 1;
  for (const auto& item : json.items()) {
    std::optional<std::string>& token =
        tokens[static_cast<std::size_t>(require_integer(json, item.key(), path, 0, last))];
    if (token)
      throw Error(text(path, ": tokens ", json_string(*token), " and ", json_string(item.key()),
                       " have the same id"));
    token = item.key();
  }
  std::vector<std::string> list;
  list.reserve(tokens.size());
  for (std::optional<std::string>& token : tokens) list.push_back(std::move(*token));
  return Vocabulary(std::move(list));
}

Vocabulary read_vocabulary(const std::string& folder) {
  if (const std::string path = folder + "/vocab.txt"; is_there(path)) return Vocabulary::load(path);
  if (const std::string path = folder + "/vocab.json"; is_there(path)) return read_json_vocabulary(path);
  return {};
}

// A special token is a string, or an object with its "content".
std::optional<std::string> token_named(const Json& json, const char* field, const std::string& where) {
  if (!json.contains(field) || json[field].is_null()) return std::nullopt;
  if (json[field].is_object()) return require_string(json[field], "content", where + ": " + field);
  return require_string(json, field, where);
}

}  // namespace

std::string FolderTokens::text(TokenId id) const {
  return vocabulary.contains(id) ? vocabulary.token(id) : std::to_string(id);
}

bool FolderTokens::is_marker(TokenId id) const {
  return std::ranges::binary_search(markers, id);
}

FolderTokens read_folder_tokens(const std::string& folder) {
  FolderTokens tokens;
  tokens.vocabulary = read_vocabulary(folder);
  tokens.special = bracketed_special_tokens(tokens.vocabulary);
  std::optional<TokenId> begin, end;
  for (const char* file : {"/special_tokens_map.json", "/tokenizer_config.json"}) {
    const std::string path = folder + file;
    if (!is_there(path)) continue;
    const Json json = parse_json(read_file(path), path);
    bool named = false;
    for (const auto& [field, id] : {std::pair{"cls_token", &tokens.special.cls},
                                    {"sep_token", &tokens.special.sep},
                                    {"pad_token", &tokens.special.pad},
                                    {"unk_token", &tokens.special.unk},
                                    {"mask_token", &tokens.special.mask},
                                    {"bos_token", &begin},
                                    {"eos_token", &end}})
      if (const std::optional<std::string> name = token_named(json, field, path)) {
        *id = tokens.vocabulary.find(*name);
        if (!*id) tokens.unresolved.push_back(*name);
        named = true;
      }
    if (named) break;
  }
  for (const std::optional<TokenId>& id :
       {tokens.special.cls, tokens.special.sep, tokens.special.pad, begin, end})
    if (id) tokens.markers.push_back(*id);
  std::ranges::sort(tokens.markers);
  tokens.markers.erase(std::unique(tokens.markers.begin(), tokens.markers.end()), tokens.markers.end());
  return tokens;
}

}  // namespace slalom
