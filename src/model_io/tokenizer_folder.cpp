#include "slalom/model_io/tokenizer_folder.hpp"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "slalom/base/error.hpp"
#include "slalom/base/files.hpp"
#include "slalom/model_io/folder_file.hpp"
#include "slalom/model_io/sentence_pieces.hpp"
#include "slalom/model_io/special_tokens.hpp"
#include "slalom/text/tokenizer_json.hpp"

namespace slalom {

namespace {

enum class Family { bert, roberta, gpt2, sentence_pieces };

// A folder's tokenizer_config.json; without the file an empty object.
struct Settings {
  std::string path;
  Json json = Json::object();
};

Json read_json_if_there(const std::string& path) {
  return is_there(path) ? read_json(path) : Json::object();
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
  if (!name.empty() && name != "PreTrainedTokenizerFast" && name != "TokenizersBackend") {
    const std::optional<Family> family = family_of_class(name);
    const bool fits = family && (*family == Family::bert) == (usual == Family::bert);
    if (!fits)
      throw Error(concat(settings.path, ": field \"tokenizer_class\": found ", json_string(name), ", wanted ",
                         usual == Family::bert ? "BertTokenizer, DistilBertTokenizer or ElectraTokenizer"
                                               : "RobertaTokenizer or GPT2Tokenizer"));
    return *family;
  }
  const std::string config = folder + "/config.json";
  const bool is_roberta = usual == Family::gpt2 &&
                          optional_string(read_json_if_there(config), "model_type", config, "") == "roberta";
  return is_roberta ? Family::roberta : usual;
}

// Declared tokens first: they say more than the names.
std::vector<AddedToken> added_tokens(FolderTokens& tokens, Family family) {
  std::vector<AddedToken> added = std::move(tokens.added);
  if (family == Family::gpt2 && !tokens.named_by_file) return added;
  for (AddedToken& named : tokens.named) {
    if (std::ranges::find(added, named.id, &AddedToken::id) != added.end()) continue;
    const bool takes_space = family == Family::roberta || family == Family::sentence_pieces;
    if (takes_space && named.id == tokens.special.mask) named.lstrip = true;
    added.push_back(std::move(named));
  }
  return added;
}

std::vector<NormalizerRule> bert_normalizer(const Settings& settings) {
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
  Templates around = bert_templates(tokens.required(tokens.special.cls, "cls_token"),
                                    tokens.required(tokens.special.sep, "sep_token"));
  return Tokenizer({.vocabulary = std::move(tokens.vocabulary),
                    .added = added_tokens(tokens, Family::bert),
                    .normalizer = bert_normalizer(settings),
                    .scheme = std::move(scheme),
                    .around = std::move(around)});
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
  const std::vector<TokenId> begin =
      flag("add_bos_token") ? tokens.required(tokens.begin, "bos_token") : std::vector<TokenId>{};
  BytePairScheme scheme{
      .pairs = BytePairs(tokens.vocabulary, load_merges(path), {.unk = tokens.special.unk}, path),
      .add_prefix_space = flag("add_prefix_space")};
  Templates around = family == Family::roberta
                         ? roberta_templates(tokens.required(tokens.special.cls, "cls_token"),
                                             tokens.required(tokens.special.sep, "sep_token"))
                         : gpt2_templates(begin);
  return Tokenizer({.vocabulary = std::move(tokens.vocabulary),
                    .added = added_tokens(tokens, family),
                    .scheme = std::move(scheme),
                    .around = std::move(around)});
}

Json word_tokenizer_json(const Vocabulary& vocabulary, bool wrapped, bool as_bert) {
  const SpecialTokens special = bracketed_special_tokens(vocabulary);
  Json ids = Json::object(), added = Json::array();
  for (TokenId id = 0; id < vocabulary.size(); ++id) {
    ids[vocabulary.token(id)] = id;
    if (special.is_special(id))
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

// What Hugging Face's converters make of a SentencePiece model.
std::vector<NormalizerRule> piece_normalizer(const SentencePieces& model, const Settings& settings,
                                             const std::string& where) {
  const auto flag = [&](const char* field, bool fallback) {
    return optional_boolean(settings.json, field, settings.path, fallback);
  };
  std::vector<NormalizerRule> rules;
  const bool albert = model.family == SentencePieces::Family::albert;
  if (albert) {
    rules = {{NormalizerStep::replace, "``", "\""}, {NormalizerStep::replace, "''", "\""}};
    if (!flag("keep_accents", false))
      rules.insert(rules.end(), {NormalizerStep::decompose_compatible, NormalizerStep::strip_marks});
    if (flag("do_lower_case", true)) rules.push_back(NormalizerStep::lower_case);
  }
  if (!model.character_map.empty()) rules.push_back(character_map_rule(model.character_map, where));
  if (!albert) rules.push_back(NormalizerStep::strip_right);
  rules.push_back({NormalizerStep::join_spaces, "", " "});
  return rules;
}

Tokenizer load_pieces(const std::string& folder, const Settings& settings, FolderTokens tokens) {
  const SentencePieces model = read_sentence_pieces(folder).value();
  std::vector<double> scores;
  for (const auto& [piece, score] : model.pieces) scores.push_back(score);
  const auto cls = tokens.required(tokens.special.cls, "cls_token"),
             sep = tokens.required(tokens.special.sep, "sep_token");
  const bool albert = model.family == SentencePieces::Family::albert;
  return Tokenizer(
      {.vocabulary = std::move(tokens.vocabulary),
       .added = added_tokens(tokens, Family::sentence_pieces),
       .normalizer = piece_normalizer(model, settings, folder),
       .scheme = UnigramScheme{.model = Unigram(std::move(scores), static_cast<TokenId>(model.unk),
                                                model.byte_fallback)},
       .around = albert ? bert_templates(cls, sep) : roberta_templates(cls, sep)});
}

// The classes of Hugging Face's library set what their arguments say, read from tokenizer_config.json, in the
// normaliser or pre-tokeniser of tokenizer.json.
void apply_settings(const Settings& settings, Json& tokenizer) {
  const std::optional<Family> family =
      family_of_class(optional_string(settings.json, "tokenizer_class", settings.path, ""));
  if (!family || !tokenizer.is_object()) return;
  const auto flag = [&](const char* field, bool fallback) {
    return optional_boolean(settings.json, field, settings.path, fallback);
  };
  const auto part = [&](const char* name, const char* type) -> Json* {
    const auto found = tokenizer.find(name);
    return found != tokenizer.end() && found->is_object() && found->value("type", Json()) == type ? &*found
                                                                                                  : nullptr;
  };
  if (Json* normalizer = part("normalizer", "BertNormalizer");
      normalizer != nullptr && *family == Family::bert) {
    (*normalizer)["lowercase"] = flag("do_lower_case", true);
    (*normalizer)["strip_accents"] =
        settings.json.contains("strip_accents") ? settings.json["strip_accents"] : Json();
    (*normalizer)["handle_chinese_chars"] = flag("tokenize_chinese_chars", true);
  }
  if (Json* splitter = part("pre_tokenizer", "ByteLevel"); splitter != nullptr && *family != Family::bert)
    (*splitter)["add_prefix_space"] = flag("add_prefix_space", false);
}

}  // namespace

void save_word_tokenizer(const Vocabulary& vocabulary, bool wrapped, bool segments,
                         const std::string& folder) {
  const std::string path = folder + "/tokenizer.json";
  std::string json = word_tokenizer_json(vocabulary, wrapped, true).dump();
  const bool as_bert = reads_words(parse_tokenizer(json, path));
  if (!as_bert) json = word_tokenizer_json(vocabulary, wrapped, false).dump();
  for (const char* file : kTokenizerFiles) std::filesystem::remove(folder + "/" + file);
  write_file(path, json + "\n");
  const Json none, cls = wrapped ? Json("[CLS]") : none, sep = wrapped ? Json("[SEP]") : none;
  Json inputs = {"input_ids", "attention_mask"};
  if (segments) inputs.push_back("token_type_ids");
  const Json config = {{"tokenizer_class", "PreTrainedTokenizerFast"},
                       {"do_lower_case", as_bert},
                       {"cls_token", cls},
                       {"sep_token", sep},
                       {"pad_token", "[PAD]"},
                       {"unk_token", "[UNK]"},
                       {"mask_token", "[MASK]"},
                       {"model_input_names", inputs}};
  write_file(folder + "/tokenizer_config.json", config.dump() + "\n");
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
  // The family of a vocab.json without a class is what the folder's config.json says, and `to` has another.
  if (read_folder_tokens(from).source != FolderTokens::Source::vocab_json) return;
  Settings settings{.path = from + "/tokenizer_config.json"};
  settings.json = read_json_if_there(settings.path);
  if (family_of_class(optional_string(settings.json, "tokenizer_class", settings.path, ""))) return;
  const Family family = family_of(from, settings, Family::gpt2);
  settings.json["tokenizer_class"] = family == Family::roberta ? "RobertaTokenizer" : "GPT2Tokenizer";
  write_file(to + "/tokenizer_config.json", settings.json.dump() + "\n");
}

std::optional<Tokenizer> load_tokenizer(const std::string& folder) {
  Settings settings{.path = folder + "/tokenizer_config.json"};
  settings.json = read_json_if_there(settings.path);
  if (const std::string path = folder + "/tokenizer.json"; is_there(path)) {
    Json json = read_json(path);
    apply_settings(settings, json);
    return tokenizer_of(json, path);
  }
  if (is_there(folder + "/bpe.codes"))
    throw Error(folder + "/bpe.codes: found the tokenizer of BERTweet or PhoBERT, which is not read");
  FolderTokens tokens = read_folder_tokens(folder);
  if (tokens.source == FolderTokens::Source::none) return std::nullopt;
  if (tokens.source == FolderTokens::Source::sentence_pieces)
    return load_pieces(folder, settings, std::move(tokens));
  if (tokens.source == FolderTokens::Source::vocab_txt)
    return load_word_pieces(folder, settings, std::move(tokens));
  if (!is_there(folder + "/merges.txt")) return std::nullopt;
  return load_byte_pairs(folder, settings, std::move(tokens));
}

}  // namespace slalom
