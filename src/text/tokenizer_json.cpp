#include "slalom/text/tokenizer_json.hpp"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <unordered_map>

#include "slalom/base/error.hpp"

namespace slalom {

namespace {

constexpr std::int64_t kLargestId = INT32_MAX - 1;

bool has(const Json& object, const char* field) {
  return object.is_object() && object.contains(field) && !object[field].is_null();
}

/// The field, or null.
const Json& part(const Json& object, const char* field) {
  static const Json null;
  return has(object, field) ? object[field] : null;
}

std::string type_of(const Json& object, const std::string& where) {
  return require_string(object, "type", where);
}

[[noreturn]] void refuse(const std::string& where, const char* field, const std::string& found,
                         const char* wanted) {
  throw Error(concat(where, ": field \"", field, "\": found ", found, ", wanted ", wanted));
}

/// Throws unless the field is missing, null, or one of the values that change nothing.
void require_default(const Json& object, const char* field, const std::string& where,
                     std::initializer_list<Json> harmless) {
  if (!has(object, field)) return;
  const Json& value = object[field];
  if (std::ranges::any_of(harmless, [&](const Json& v) { return value == v; })) return;
  std::string wanted = "null";
  for (const Json& v : harmless) wanted += " or " + v.dump();
  refuse(where, field, value.is_structured() ? value.type_name() : value.dump(), wanted.c_str());
}

// --- normalizer ------------------------------------------------------------------------------------------

using Steps = std::vector<NormalizerRule>;

Steps parse_bert_normalizer(const Json& json, const std::string& where) {
  const bool lower = optional_boolean(json, "lowercase", where, true);
  return bert_steps({.clean = optional_boolean(json, "clean_text", where, true),
                     .space_ideographs = optional_boolean(json, "handle_chinese_chars", where, true),
                     .strip_accents = optional_boolean(json, "strip_accents", where, lower),
                     .lower_case = lower});
}

std::string from_base64(std::string_view digits, const std::string& where) {
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  while (digits.ends_with('=')) digits.remove_suffix(1);
  std::array<std::uint32_t, 256> value{};
  value.fill(64);
  for (std::uint32_t i = 0; i < kAlphabet.size(); ++i) value[static_cast<unsigned char>(kAlphabet[i])] = i;
  std::string bytes;
  std::uint32_t bits = 0, count = 0;
  for (const char digit : digits) {
    const std::uint32_t v = value[static_cast<unsigned char>(digit)];
    if (v == 64) refuse(where, "precompiled_charsmap", "a byte that is no digit of base64", "base64");
    bits = bits << 6 | v;
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes += static_cast<char>(bits >> count & 255);
  }
  return bytes;
}

/// {"pattern": {"String": "``"}, "content": "\""}; of regular expressions only that of two spaces or more.
NormalizerRule parse_replacement(const Json& json, const std::string& where) {
  const Json& pattern = require_object(json, "pattern", where);
  const std::string content = require_string(json, "content", where);
  if (has(pattern, "String"))
    return {NormalizerStep::replace, require_string(pattern, "String", where), content};
  if (const std::string regex = require_string(pattern, "Regex", where); regex != " {2,}")
    refuse(where, "pattern", json_string(regex), "a String, or \" {2,}\"");
  return {NormalizerStep::join_spaces, "", content};
}

void add_normalizer(const Json& json, const std::string& where, Steps& steps) {
  if (json.is_null()) return;
  const std::string type = type_of(json, where);
  if (type == "Sequence") {
    for (const Json& item : require_array(json, "normalizers", where)) add_normalizer(item, where, steps);
    return;
  }
  const std::pair<const char*, Steps> simple[] = {
      {"BertNormalizer", type == "BertNormalizer" ? parse_bert_normalizer(json, where) : Steps{}},
      {"Lowercase", {NormalizerStep::lower_case}},
      {"StripAccents", {NormalizerStep::strip_marks}},
      {"NFD", {NormalizerStep::decompose}},
      {"NFKD", {NormalizerStep::decompose_compatible}},
      {"NFC", {NormalizerStep::decompose, NormalizerStep::compose}},
      {"NFKC", {NormalizerStep::decompose_compatible, NormalizerStep::compose}}};
  for (const auto& [name, of_name] : simple)
    if (type == name) {
      steps.insert(steps.end(), of_name.begin(), of_name.end());
      return;
    }
  if (type == "Precompiled") {
    const std::string map = optional_string(json, "precompiled_charsmap", where, "");
    if (!map.empty()) steps.push_back(character_map_rule(from_base64(map, where), where));
  } else if (type == "Strip") {
    if (optional_boolean(json, "strip_left", where, true)) steps.push_back(NormalizerStep::strip_left);
    if (optional_boolean(json, "strip_right", where, true)) steps.push_back(NormalizerStep::strip_right);
  } else if (type == "Replace") {
    steps.push_back(parse_replacement(json, where));
  } else {
    refuse(where, "type", json_string(type),
           "BertNormalizer, Lowercase, StripAccents, NFC, NFD, NFKC, NFKD, Precompiled, Strip, Replace or a "
           "Sequence "
           "of them");
  }
}

// --- pre-tokenizer ---------------------------------------------------------------------------------------

/// What the pre-tokenizers of a file say together.
struct Splits {
  std::vector<WordSplit> words{};
  bool byte_level = false, add_prefix_space = false, use_pattern = true;
  std::optional<SpacePieces> spaces{};  // of Metaspace
};

SpacePieces parse_spaces(const Json& json, const std::string& where) {
  require_default(json, "replacement", where, {std::string(kPieceSpace)});
  using Before = SpacePieces::Before;
  const bool adds = optional_boolean(json, "add_prefix_space", where, true);
  const std::string scheme = optional_string(json, "prepend_scheme", where, adds ? "always" : "never");
  const std::pair<const char*, Before> schemes[] = {
      {"always", Before::every_word}, {"first", Before::first_word}, {"never", Before::none}};
  for (const auto& [name, before] : schemes)
    if (scheme == name) return {.before = before, .splits = optional_boolean(json, "split", where, true)};
  refuse(where, "prepend_scheme", json_string(scheme), "always, first or never");
}

void add_pre_tokenizer(const Json& json, const std::string& where, Splits& splits) {
  if (json.is_null()) return;
  const std::string type = type_of(json, where);
  if (splits.byte_level) refuse(where, "type", json_string(type) + " behind ByteLevel", "ByteLevel alone");
  if (splits.spaces) refuse(where, "type", json_string(type) + " behind Metaspace", "Metaspace at the end");
  if (type == "Sequence") {
    for (const Json& item : require_array(json, "pretokenizers", where))
      add_pre_tokenizer(item, where, splits);
  } else if (type == "BertPreTokenizer") {
    splits.words.push_back(WordSplit::bert);
  } else if (type == "WhitespaceSplit") {
    splits.words.push_back(WordSplit::white_space);
  } else if (type == "Whitespace") {
    splits.words.push_back(WordSplit::word_runs);
  } else if (type == "Punctuation") {
    require_default(json, "behavior", where, {"Isolated"});
    splits.words.push_back(WordSplit::punctuation);
  } else if (type == "ByteLevel") {
    splits.byte_level = true;
    splits.add_prefix_space = optional_boolean(json, "add_prefix_space", where, true);
    splits.use_pattern = optional_boolean(json, "use_regex", where, true);
  } else if (type == "Metaspace") {
    splits.spaces = parse_spaces(json, where);
  } else {
    refuse(where, "type", json_string(type),
           "BertPreTokenizer, Whitespace, WhitespaceSplit, Punctuation, ByteLevel, Metaspace or a Sequence");
  }
}

// --- model -----------------------------------------------------------------------------------------------

std::string model_type(const Json& model, const std::string& where) {
  if (has(model, "type")) return type_of(model, where);
  // Files of the first versions do not name it.
  if (has(model, "merges")) return "BPE";
  if (has(model, "max_input_chars_per_word")) return "WordPiece";
  return type_of(model, where);
}

std::optional<TokenId> find_token(const Json& model, const char* field, const Vocabulary& vocabulary,
                                  const std::string& where) {
  if (!has(model, field)) return std::nullopt;
  const std::string name = require_string(model, field, where);
  const std::optional<TokenId> id = vocabulary.find(name);
  if (!id) refuse(where, field, json_string(name), "a token of the vocabulary");
  return id;
}

WordPieceScheme parse_word_pieces(const Json& model, const Splits& splits, const TokenList& tokens,
                                  const std::string& where) {
  if (splits.byte_level)
    throw Error(where + ": found WordPiece behind the pre-tokenizer ByteLevel, wanted BertPreTokenizer");
  WordPieceScheme scheme{.splits = splits.words, .options = {}};
  // A vocabulary may lack its unknown-word token: only a text with such a word then is an error.
  if (has(model, "unk_token"))
    scheme.options.unk = tokens.vocabulary.find(require_string(model, "unk_token", where));
  scheme.options.continuation = optional_string(model, "continuing_subword_prefix", where, "##");
  scheme.options.longest_word = optional_integer(model, "max_input_chars_per_word", where, 100, 0, INT32_MAX);
  scheme.options.no_pieces = tokens.not_in_model;
  return scheme;
}

std::pair<std::string, std::string> parse_merge(const Json& merge, std::size_t rank,
                                                const std::string& where) {
  if (merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string())
    return {merge[0].get<std::string>(), merge[1].get<std::string>()};
  if (merge.is_string()) {
    const auto& both = merge.get_ref<const std::string&>();
    const std::size_t space = both.find(' ');
    if (space != std::string::npos && both.find(' ', space + 1) == std::string::npos)
      return {both.substr(0, space), both.substr(space + 1)};
  }
  throw Error(concat(where, ": field \"merges\"[", rank, "]: wanted \"a b\" or [\"a\", \"b\"]"));
}

BytePairScheme parse_byte_pairs(const Json& model, const Splits& splits, const TokenList& tokens,
                                const std::string& where) {
  if (!splits.byte_level || !splits.words.empty())
    throw Error(where + ": found BPE without the pre-tokenizer ByteLevel, wanted ByteLevel alone");
  require_default(model, "dropout", where, {0, 0.0});
  require_default(model, "continuing_subword_prefix", where, {""});
  require_default(model, "end_of_word_suffix", where, {""});
  require_default(model, "byte_fallback", where, {false});
  const BytePairOptions options{.unk = find_token(model, "unk_token", tokens.vocabulary, where),
                                .fuse_unk = optional_boolean(model, "fuse_unk", where, false),
                                .whole_words_first = optional_boolean(model, "ignore_merges", where, false)};
  Merges merges;
  const Json& list = require_array(model, "merges", where);
  merges.reserve(list.size());
  for (const Json& merge : list) merges.push_back(parse_merge(merge, merges.size(), where));
  return {.pairs = BytePairs(tokens.vocabulary, merges, options, where),
          .add_prefix_space = splits.add_prefix_space,
          .use_pattern = splits.use_pattern};
}

UnigramScheme parse_unigram(const Json& model, const Splits& splits, const std::string& where) {
  const bool spaced =
      splits.spaces && (splits.words.empty() || splits.words == std::vector{WordSplit::white_space});
  if (!spaced)
    throw Error(
        where +
        ": found Unigram without the pre-tokenizer Metaspace, wanted it, perhaps behind WhitespaceSplit");
  std::vector<double> scores;
  for (const Json& piece : require_array(model, "vocab", where)) {
    if (piece.size() != 2 || !piece[1].is_number())
      throw Error(concat(where, ": vocab[", scores.size(), "]: wanted [\"token\", score]"));
    scores.push_back(piece[1].get<double>());
  }
  std::optional<TokenId> unk;
  if (has(model, "unk_id"))
    unk = static_cast<TokenId>(require_integer(model, "unk_id", where, 0, std::ssize(scores) - 1));
  UnigramScheme scheme{
      .model = Unigram(std::move(scores), unk, optional_boolean(model, "byte_fallback", where, false)),
      .spaces = *splits.spaces};
  scheme.spaces.splits_white_space = !splits.words.empty();
  return scheme;
}

decltype(TokenizerParts::scheme) parse_scheme(const Json& json, const TokenList& tokens,
                                              const std::string& where) {
  const std::string at_model = where + ": model";
  const Json& model = require_object(json, "model", where);
  const std::string type = model_type(model, at_model);
  Splits splits;
  add_pre_tokenizer(part(json, "pre_tokenizer"), where + ": pre_tokenizer", splits);
  if (type == "Unigram") return parse_unigram(model, splits, at_model);
  if (splits.spaces) refuse(at_model, "type", json_string(type) + " behind Metaspace", "Unigram");
  if (type == "WordPiece") return parse_word_pieces(model, splits, tokens, at_model);
  if (type == "BPE") return parse_byte_pairs(model, splits, tokens, at_model);
  refuse(at_model, "type", json_string(type), "WordPiece, BPE or Unigram");
}

// --- post-processor --------------------------------------------------------------------------------------

TokenId parse_id(const Json& value, const Vocabulary& vocabulary, const std::string& where,
                 const char* field) {
  const bool fits = value.is_number_integer() && value >= 0 && value < vocabulary.size();
  if (!fits)
    refuse(where, field, value.is_structured() ? value.type_name() : value.dump(),
           concat("an id from 0 to ", vocabulary.size() - 1).c_str());
  return value.get<TokenId>();
}

/// ["[SEP]", 102] of BertProcessing and RobertaProcessing.
TokenId parse_named_id(const Json& json, const char* field, const Vocabulary& vocabulary,
                       const std::string& where) {
  const Json& both = require_array(json, field, where);
  if (both.size() != 2) refuse(where, field, concat(both.size(), " items"), "[\"token\", id]");
  return parse_id(both[1], vocabulary, where, field);
}

TemplateItem parse_template_item(const Json& json, const Json& special, const Vocabulary& vocabulary,
                                 const std::string& where) {
  const bool is_text = has(json, "Sequence");
  const Json& item = require_object(json, is_text ? "Sequence" : "SpecialToken", where);
  const std::string name = require_string(item, "id", where);
  TemplateItem out{.part = -1, .ids = {}, .type = 0};
  out.type = static_cast<TokenId>(optional_integer(item, "type_id", where, 0, 0, 1));
  if (is_text) {
    if (name != "A" && name != "B") refuse(where, "id", json_string(name), "A or B");
    out.part = name == "A" ? 0 : 1;
    return out;
  }
  const Json& token = require_object(special, name, where + ": special_tokens");
  for (const Json& id : require_array(token, "ids", where))
    out.ids.push_back(parse_id(id, vocabulary, where, "ids"));
  return out;
}

Template parse_template(const Json& json, const char* field, int texts, const Vocabulary& vocabulary,
                        const std::string& where) {
  const Json& special = part(json, "special_tokens");
  Template out;
  for (const Json& item : require_array(json, field, where)) {
    out.push_back(parse_template_item(item, special, vocabulary, where));
    if (out.back().part >= texts) refuse(where, field, "the text B", "A alone");
  }
  for (int part = 0; part < texts; ++part)
    if (std::ranges::count(out, part, &TemplateItem::part) != 1)
      refuse(where, field, concat("not once the text ", part == 0 ? "A" : "B"), "each text once");
  return out;
}

void add_post_processor(const Json& json, const std::string& where, TokenizerParts& parts, bool& found) {
  if (json.is_null()) return;
  const std::string type = type_of(json, where);
  if (type == "Sequence") {
    for (const Json& item : require_array(json, "processors", where))
      add_post_processor(item, where, parts, found);
    return;
  }
  if (type == "ByteLevel") return;  // trims offsets, which are trimmed anyway
  if (found) refuse(where, "processors", "two that add tokens", "one");
  found = true;
  if (type == "TemplateProcessing") {
    parts.around = {.single = parse_template(json, "single", 1, parts.vocabulary, where),
                    .pair = parse_template(json, "pair", 2, parts.vocabulary, where)};
  } else if (type == "BertProcessing" || type == "RobertaProcessing") {
    const std::vector<TokenId> cls = {parse_named_id(json, "cls", parts.vocabulary, where)};
    const std::vector<TokenId> sep = {parse_named_id(json, "sep", parts.vocabulary, where)};
    parts.around = type == "BertProcessing" ? bert_templates(cls, sep) : roberta_templates(cls, sep);
  } else {
    refuse(where, "type", json_string(type),
           "BertProcessing, RobertaProcessing, TemplateProcessing, ByteLevel or a Sequence");
  }
}

}  // namespace

// --- tokens ----------------------------------------------------------------------------------------------

std::vector<NumberedToken> parse_token_ids(const Json& object, const std::string& where) {
  if (!object.is_object() || object.empty())
    throw Error(where + ": found no tokens, wanted {\"token\": id, ...}");
  std::vector<NumberedToken> tokens;
  tokens.reserve(object.size());
  for (const auto& [token, id] : object.get_ref<const Json::object_t&>()) {
    // An unsigned number beyond int64 compares as a negative one.
    if (!id.is_number_integer() || id < 0 || id > kLargestId)
      require_integer(object, token, where, 0, kLargestId);
    tokens.push_back({id.get<TokenId>(), token});
  }
  return tokens;
}

AddedToken parse_added_token(const Json& token, AddedToken fallback, const std::string& where) {
  fallback.content = token.is_string() ? token.get<std::string>() : require_string(token, "content", where);
  if (fallback.content.empty())
    throw Error(where + ": found an empty token, wanted one that a text can have");
  if (token.is_string()) return fallback;
  for (const auto& [field, value] : {std::pair{"special", &fallback.special},
                                     {"single_word", &fallback.single_word},
                                     {"lstrip", &fallback.lstrip},
                                     {"rstrip", &fallback.rstrip},
                                     {"normalized", &fallback.normalized}})
    *value = optional_boolean(token, field, where, *value);
  return fallback;
}

TokenList join_tokens(std::vector<NumberedToken> model, std::vector<AddedToken> added,
                      const std::string& where) {
  std::unordered_map<std::string_view, TokenId> id_of_added;
  for (const AddedToken& token : added) id_of_added[token.content] = token.id;
  for (const NumberedToken& token : model)
    if (const auto same = id_of_added.find(token.token);
        same != id_of_added.end() && same->second != token.id)
      throw Error(concat(where, ": the added token ", json_string(token.token), " has id ", same->second,
                         ", and the vocabulary has it as ", token.id));
  std::vector<TokenId> in_model, in_added;
  for (const NumberedToken& token : model) in_model.push_back(token.id);
  for (const AddedToken& token : added) {
    in_added.push_back(token.id);
    model.push_back({token.id, token.content});
  }
  TokenList list{.vocabulary = numbered_vocabulary(std::move(model), where), .added = std::move(added)};
  std::ranges::sort(in_model);
  std::ranges::sort(in_added);
  std::ranges::set_difference(in_added, in_model, std::back_inserter(list.not_in_model));
  return list;
}

TokenList parse_token_list(const Json& tokenizer, const std::string& where) {
  const std::string at_vocabulary = where + ": model: vocab";
  const Json& model = require_object(tokenizer, "model", where);
  std::vector<NumberedToken> tokens;
  if (const Json& vocabulary = part(model, "vocab");
      vocabulary.is_array()) {  // Unigram: [["token", score], …]
    for (const Json& entry : vocabulary) {
      if (!entry.is_array() || entry.empty() || !entry[0].is_string())
        throw Error(concat(at_vocabulary, "[", tokens.size(), "]: wanted [\"token\", score]"));
      tokens.push_back({static_cast<TokenId>(tokens.size()), entry[0].get<std::string>()});
    }
  } else {
    tokens = parse_token_ids(vocabulary, at_vocabulary);
  }
  std::vector<AddedToken> added;
  if (has(tokenizer, "added_tokens"))
    for (const Json& entry : require_array(tokenizer, "added_tokens", where)) {
      const std::string at = concat(where, ": added_tokens[", added.size(), "]");
      AddedToken token = parse_added_token(entry, {}, at);
      token.id = static_cast<TokenId>(require_integer(entry, "id", at, 0, kLargestId));
      added.push_back(std::move(token));
    }
  return join_tokens(std::move(tokens), std::move(added), where);
}

Tokenizer parse_tokenizer(std::string_view json_text, const std::string& where) {
  return tokenizer_of(parse_json(json_text, where), where);
}

Tokenizer tokenizer_of(const Json& json, const std::string& where) {
  TokenList tokens = parse_token_list(json, where);
  Steps normalizer;
  add_normalizer(part(json, "normalizer"), where + ": normalizer", normalizer);
  auto scheme = parse_scheme(json, tokens, where);
  TokenizerParts parts{.vocabulary = std::move(tokens.vocabulary),
                       .added = std::move(tokens.added),
                       .normalizer = std::move(normalizer),
                       .scheme = std::move(scheme)};
  bool found = false;
  add_post_processor(part(json, "post_processor"), where + ": post_processor", parts, found);
  return Tokenizer(std::move(parts));
}

}  // namespace slalom
