#include "slalom/model_io/tokenizer_folder.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "slalom/base/error.hpp"
#include "slalom/base/files.hpp"
#include "slalom/model_io/folder_file.hpp"
#include "slalom/model_io/folder_tokens.hpp"
#include "slalom/model_io/sentence_pieces.hpp"
#include "slalom/model_io/tokenizer_family.hpp"
#include "slalom/text/tokenizer_json.hpp"

namespace slalom {

namespace {

using Family = TokenizerFamily;

// A folder's tokenizer_config.json; without the file an empty object.
struct Settings {
  std::string path;
  Json json;
  explicit Settings(const std::string& folder)
      : path(folder + "/tokenizer_config.json"), json(read_object_if_there(path)) {}
  bool flag(const char* field, bool fallback) const { return optional_boolean(json, field, path, fallback); }
};

// Declared tokens first: they say more than the names.
std::vector<AddedToken> added_tokens(FolderTokens& tokens, Family family) {
  std::vector<AddedToken> added = std::move(tokens.added);
  if (family == Family::gpt2 && !tokens.named_by_file) return added;
  for (AddedToken& named : tokens.named) {
    if (std::ranges::find(added, named.id, &AddedToken::id) != added.end()) continue;
    const bool takes_space = family != Family::bert && family != Family::gpt2;
    if (takes_space && named.id == tokens.special.mask) named.lstrip = true;
    added.push_back(std::move(named));
  }
  return added;
}

// What the family puts around texts.
Templates templates(const FolderTokens& tokens, const Settings& settings, Family family) {
  if (family == Family::gpt2) {
    if (!settings.flag("add_bos_token", false)) return {};
    const TemplateItem begin{.part = -1, .ids = tokens.required(tokens.special.begin, "bos_token")};
    return {.single = {begin, {.part = 0}}, .pair = {begin, {.part = 0}, begin, {.part = 1}}};
  }
  const std::vector<TokenId> cls = tokens.required(tokens.special.cls, "cls_token"),
                             sep = tokens.required(tokens.special.sep, "sep_token");
  const bool as_bert = family == Family::bert || family == Family::albert;
  return as_bert ? bert_templates(cls, sep) : roberta_templates(cls, sep);
}

std::vector<NormalizerStep> bert_normalizer(const Settings& settings) {
  if (!settings.flag("do_basic_tokenize", true))
    throw Error(settings.path + ": field \"do_basic_tokenize\": found false, wanted true");
  if (settings.json.contains("never_split") && !settings.json["never_split"].empty())
    throw Error(settings.path +
                ": field \"never_split\": found tokens, wanted none; added tokens are not split");
  const bool lower_case = settings.flag("do_lower_case", true);
  return bert_steps({.clean = settings.flag("clean_text", true),
                     .space_ideographs = settings.flag("tokenize_chinese_chars", true),
                     .strip_accents = settings.flag("strip_accents", lower_case),
                     .lower_case = lower_case});
}

// What Hugging Face's converters make of a SentencePiece model.
std::vector<NormalizerStep> piece_normalizer(const SentencePieces& model, const Settings& settings,
                                             const std::string& where) {
  std::vector<NormalizerStep> steps;
  const bool albert = model.family == Family::albert;
  if (albert) {
    steps = {normalizer::replace("``", "\""), normalizer::replace("''", "\"")};
    if (!settings.flag("keep_accents", false))
      steps.insert(steps.end(), {normalizer::decompose_compatible, normalizer::strip_marks});
    if (settings.flag("do_lower_case", true)) steps.push_back(normalizer::lower_case);
  }
  if (!model.character_map.empty()) steps.push_back(normalizer::map_characters(model.character_map, where));
  if (!albert) steps.push_back(normalizer::strip_right);
  steps.push_back(normalizer::join_spaces(" "));
  return steps;
}

// The tokenizer of files other than tokenizer.json; `scheme` and `normalizer` are those of the family.
Tokenizer assembled(FolderTokens tokens, const Settings& settings, Family family,
                    decltype(TokenizerParts::scheme) scheme, std::vector<NormalizerStep> normalizer) {
  Templates around = templates(tokens, settings, family);
  return Tokenizer({.vocabulary = std::move(tokens.vocabulary),
                    .added = added_tokens(tokens, family),
                    .normalizer = std::move(normalizer),
                    .scheme = std::move(scheme),
                    .around = std::move(around)});
}

Tokenizer load_word_pieces(const std::string& folder, const Settings& settings, FolderTokens tokens) {
  const Family family = read_tokenizer_family(folder, "vocab.txt");
  WordPieceScheme scheme;
  scheme.pieces.unk = tokens.special.unk;
  scheme.pieces.continuation = optional_string(settings.json, "wordpieces_prefix", settings.path, "##");
  scheme.pieces.no_pieces = tokens.not_in_model;
  return assembled(std::move(tokens), settings, family, std::move(scheme), bert_normalizer(settings));
}

Tokenizer load_byte_pairs(const std::string& folder, const Settings& settings, FolderTokens tokens) {
  const std::string path = folder + "/merges.txt";
  const Family family = read_tokenizer_family(folder, "vocab.json");
  BytePairScheme scheme{
      .pairs = BytePairs(tokens.vocabulary, load_merges(path), {.unk = tokens.special.unk}, path),
      .add_prefix_space = settings.flag("add_prefix_space", false)};
  return assembled(std::move(tokens), settings, family, std::move(scheme), {});
}

Tokenizer load_pieces(const std::string& folder, const Settings& settings, FolderTokens tokens) {
  const SentencePieces model = read_sentence_pieces(folder, tokens.file);
  std::vector<double> scores;
  for (const auto& [piece, score] : model.pieces) scores.push_back(score);
  UnigramScheme scheme{.model =
                           Unigram(std::move(scores), static_cast<TokenId>(model.unk), model.byte_fallback)};
  return assembled(std::move(tokens), settings, model.family, std::move(scheme),
                   piece_normalizer(model, settings, folder));
}

// The classes of Hugging Face's library set what their arguments say, read from tokenizer_config.json, in the
// normaliser or pre-tokeniser of tokenizer.json.
void apply_settings(const Settings& settings, Json& tokenizer) {
  const std::optional<Family> family =
      tokenizer_family_of_class(optional_string(settings.json, "tokenizer_class", settings.path, ""));
  if (!family || !tokenizer.is_object()) return;
  const auto part = [&](const char* name, const char* type) -> Json* {
    const auto found = tokenizer.find(name);
    return found != tokenizer.end() && found->is_object() && found->value("type", Json()) == type ? &*found
                                                                                                  : nullptr;
  };
  Json* const normalizer = part("normalizer", "BertNormalizer");
  if (normalizer != nullptr && *family == Family::bert) {
    (*normalizer)["lowercase"] = settings.flag("do_lower_case", true);
    (*normalizer)["strip_accents"] = settings.json.value("strip_accents", Json());
    (*normalizer)["handle_chinese_chars"] = settings.flag("tokenize_chinese_chars", true);
  }
  Json* const splitter = part("pre_tokenizer", "ByteLevel");
  if (splitter != nullptr && (*family == Family::gpt2 || *family == Family::roberta))
    (*splitter)["add_prefix_space"] = settings.flag("add_prefix_space", false);
}

}  // namespace

std::optional<Tokenizer> load_tokenizer(const std::string& folder) {
  if (is_there(folder + "/bpe.codes"))
    throw Error(folder + "/bpe.codes: found the tokenizer of BERTweet or PhoBERT, which is not read");
  const Settings settings(folder);
  if (const std::string path = folder + "/tokenizer.json"; is_there(path)) {
    Json json = read_json(path);
    apply_settings(settings, json);
    return tokenizer_of(json, path);
  }
  FolderTokens tokens = read_folder_tokens(folder);
  if (tokens.file.empty()) return std::nullopt;
  if (tokens.file == "vocab.txt") return load_word_pieces(folder, settings, std::move(tokens));
  if (tokens.file != "vocab.json") return load_pieces(folder, settings, std::move(tokens));
  if (!is_there(folder + "/merges.txt")) return std::nullopt;
  return load_byte_pairs(folder, settings, std::move(tokens));
}

}  // namespace slalom
