#include "slalom/model_io/tokenizer_folder.hpp"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "slalom/base/error.hpp"
#include "slalom/base/files.hpp"
#include "slalom/model_io/special_tokens.hpp"
#include "slalom/text/tokenizer_json.hpp"

namespace slalom {

namespace {

enum class Family { bert, roberta, gpt2 };

// A folder's tokenizer_config.json; without the file an empty object.
struct Settings {
  std::string path;
  Json json = Json::object();
};

Json read_json_if_there(const std::string& path) {
  return std::filesystem::exists(path) ? parse_json(read_file(path), path) : Json::object();
}

std::optional<Family> family_of_class(std::string name) {
  if (name.ends_with("Fast")) name.resize(name.size() - 4);
  if (name == "BertTokenizer" || name == "DistilBertTokenizer" || name == "ElectraTokenizer")
    return Family::bert;
  if (name == "RobertaTokenizer") return Family::roberta;
  if (name == "GPT2Tokenizer") return Family::gpt2;
  return std::nullopt;
}

// The family among those that the vocabulary file can have; `usual` where no file tells.
Family family_of(const std::string& folder, const Settings& settings, Family usual) {
  const std::string name = optional_string(settings.json, "tokenizer_class", settings.path, "");
  if (!name.empty() && name != "PreTrainedTokenizerFast") {
    const std::optional<Family> family = family_of_class(name);
    const bool fits = family && (*family == Family::bert) == (usual == Family::bert);
    if (!fits)
      throw Error(text(settings.path, ": field \"tokenizer_class\": found ", json_string(name), ", wanted ",
                       usual == Family::bert ? "BertTokenizer, DistilBertTokenizer or ElectraTokenizer"
                                             : "RobertaTokenizer or GPT2Tokenizer"));
    return *family;
  }
  const std::string config = folder + "/config.json";
  const bool is_roberta = usual == Family::gpt2 &&
                          optional_string(read_json_if_there(config), "model_type", config, "") == "roberta";
  return is_roberta ? Family::roberta : usual;
}

std::vector<TokenId> list_of(const std::optional<TokenId>& id) {
  return id ? std::vector<TokenId>{*id} : std::vector<TokenId>{};
}

// Declared tokens first: they say more than the names.
std::vector<AddedToken> added_tokens(FolderTokens& tokens, Family family) {
  std::vector<AddedToken> added = std::move(tokens.added);
  if (family == Family::gpt2) return added;
  for (AddedToken& named : tokens.named) {
    if (std::ranges::find(added, named.id, &AddedToken::id) != added.end()) continue;
    if (family == Family::roberta && named.id == tokens.special.mask) named.lstrip = true;
    added.push_back(std::move(named));
  }
  return added;
}

std::vector<NormalizerStep> bert_normalizer(const Settings& settings) {
  const auto flag = [&](const char* field, bool fallback) {
    return optional_boolean(settings.json, field, settings.path, fallback);
  };
  if (!flag("do_basic_tokenize", true))
    throw Error(settings.path + ": field \"do_basic_tokenize\": found false, wanted true");
  const Json& json = settings.json;
  if (json.contains("never_split") && !json["never_split"].empty())
    throw Error(settings.path +
                ": field \"never_split\": found tokens, wanted none; added tokens are not split");
  return bert_steps({.clean = flag("clean_text", true),
                     .space_ideographs = flag("tokenize_chinese_chars", true),
                     .strip_accents = flag("strip_accents", flag("do_lower_case", true)),
                     .lower_case = flag("do_lower_case", true)});
}

Tokenizer load_word_pieces(const std::string& folder, const Settings& settings, FolderTokens tokens) {
  family_of(folder, settings, Family::bert);
  WordPieceScheme scheme;
  scheme.options.unk = tokens.special.unk;
  scheme.options.continuation = optional_string(settings.json, "wordpieces_prefix", settings.path, "##");
  scheme.options.no_pieces = tokens.not_in_model;
  return Tokenizer({.vocabulary = std::move(tokens.vocabulary),
                    .added = added_tokens(tokens, Family::bert),
                    .normalizer = bert_normalizer(settings),
                    .scheme = std::move(scheme),
                    .around = bert_templates(list_of(tokens.special.cls), list_of(tokens.special.sep))});
}

// What GPT-2 puts around texts: nothing, or the begin token before each.
Templates gpt2_templates(const std::vector<TokenId>& begin) {
  if (begin.empty()) return {};
  const TemplateItem item{.part = -1, .ids = begin};
  return {.single = {item, {.part = 0}}, .pair = {item, {.part = 0}, item, {.part = 1}}};
}

Tokenizer load_byte_pairs(const std::string& folder, const Settings& settings, FolderTokens tokens) {
  const std::string path = folder + "/merges.txt";
  const Family family = family_of(folder, settings, Family::gpt2);
  const auto flag = [&](const char* field) {
    return optional_boolean(settings.json, field, settings.path, false);
  };
  const std::vector<TokenId> begin = flag("add_bos_token") ? list_of(tokens.begin) : std::vector<TokenId>{};
  BytePairScheme scheme{
      .pairs = BytePairs(tokens.vocabulary, load_merges(path), {.unk = tokens.special.unk}, path),
      .add_prefix_space = flag("add_prefix_space")};
  Templates around = family == Family::roberta
                         ? roberta_templates(list_of(tokens.special.cls), list_of(tokens.special.sep))
                         : gpt2_templates(begin);
  return Tokenizer({.vocabulary = std::move(tokens.vocabulary),
                    .added = added_tokens(tokens, family),
                    .scheme = std::move(scheme),
                    .around = std::move(around)});
}

}  // namespace

std::optional<Tokenizer> load_tokenizer(const std::string& folder) {
  if (const std::string path = folder + "/tokenizer.json"; std::filesystem::exists(path))
    return parse_tokenizer(read_file(path), path);
  FolderTokens tokens = read_folder_tokens(folder);
  if (tokens.source == FolderTokens::Source::none) return std::nullopt;
  Settings settings{.path = folder + "/tokenizer_config.json"};
  settings.json = read_json_if_there(settings.path);
  if (tokens.source == FolderTokens::Source::vocab_txt)
    return load_word_pieces(folder, settings, std::move(tokens));
  if (!std::filesystem::exists(folder + "/merges.txt")) return std::nullopt;
  return load_byte_pairs(folder, settings, std::move(tokens));
}

}  // namespace slalom
