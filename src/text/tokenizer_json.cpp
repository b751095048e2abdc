#include "slalom/text/tokenizer_json.hpp"

#include <nettle/base64.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "slalom/base/error.hpp"

namespace slalom {

namespace {

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

std::string shown(const Json& value) {
  return value.is_structured() ? value.type_name() : value.dump();
}

[[noreturn]] void refuse(const std::string& where, const char* field, const std::string& found,
                         const std::string& wanted) {
  throw Error(concat(where, ": field \"", field, "\": found ", found, ", wanted ", wanted));
}

/// Throws unless the field is missing, null, or one of the values that change nothing.
void require_default(const Json& object, const char* field, const std::string& where,
                     const std::vector<Json>& harmless) {
  if (!has(object, field) || std::ranges::find(harmless, object[field]) != harmless.end()) return;
  std::string wanted = "null";
  for (const Json& v : harmless) wanted += " or " + v.dump();
  refuse(where, field, shown(object[field]), wanted);
}

/// add(object, type) for the object, or for each of a Sequence, which `list` has.
template <class Add>
void each_of(const Json& json, const char* list, const std::string& where, const Add& add) {
  if (json.is_null()) return;
  const std::string type = type_of(json, where);
  if (type != "Sequence") return add(json, type);
  for (const Json& item : require_array(json, list, where)) each_of(item, list, where, add);
}

// --- normalizer ------------------------------------------------------------------------------------------

using Steps = std::vector<NormalizerStep>;

Steps parse_bert_normalizer(const Json& json, const std::string& where) {
  const bool lower = optional_boolean(json, "lowercase", where, true);
  return bert_steps({.clean = optional_boolean(json, "clean_text", where, true),
                     .space_ideographs = optional_boolean(json, "handle_chinese_chars", where, true),
                     .strip_accents = optional_boolean(json, "strip_accents", where, lower),
                     .lower_case = lower});
}

Steps parse_character_map(const Json& json, const std::string& where) {
  constexpr const char* kField = "precompiled_charsmap";
  const std::string digits = optional_string(json, kField, where, "");
  if (digits.empty()) return {};
  std::string map(BASE64_DECODE_LENGTH(digits.size()), '\0');
  base64_decode_ctx context;
  base64_decode_init(&context);
  std::size_t size = 0;
  if (base64_decode_update(&context, &size, reinterpret_cast<std::uint8_t*>(map.data()), digits.size(),
                           digits.data()) == 0 ||
      base64_decode_final(&context) == 0)
    refuse(where, kField, "something else", "base64");
  map.resize(size);
  return {normalizer::map_characters(std::move(map), where)};
}

/// {"pattern": {"String": "``"}, "content": "\""}; of regular expressions only that of two spaces or more.
Steps parse_replacement(const Json& json, const std::string& where) {
  const Json& pattern = require_object(json, "pattern", where);
  const std::string content = require_string(json, "content", where);
  if (has(pattern, "String")) return {normalizer::replace(require_string(pattern, "String", where), content)};
  if (const std::string regex = require_string(pattern, "Regex", where); regex != " {2,}")
    refuse(where, "pattern", json_string(regex), "a String, or \" {2,}\"");
  return {normalizer::join_spaces(content)};
}

Steps parse_strip(const Json& json, const std::string& where) {
  Steps steps;
  if (optional_boolean(json, "strip_left", where, true)) steps.push_back(normalizer::strip_left);
  if (optional_boolean(json, "strip_right", where, true)) steps.push_back(normalizer::strip_right);
  return steps;
}

Steps parse_step(const Json& json, const std::string& type, const std::string& where) {
  using namespace normalizer;
  if (type == "BertNormalizer") return parse_bert_normalizer(json, where);
  if (type == "Lowercase") return {lower_case};
  if (type == "StripAccents") return {strip_marks};
  if (type == "NFD") return {decompose};
  if (type == "NFKD") return {decompose_compatible};
  if (type == "NFC") return {decompose, compose};
  if (type == "NFKC") return {decompose_compatible, compose};
  if (type == "Precompiled") return parse_character_map(json, where);
  if (type == "Strip") return parse_strip(json, where);
  if (type == "Replace") return parse_replacement(json, where);
  refuse(where, "type", json_string(type),
         "BertNormalizer, Lowercase, StripAccents, NFC, NFD, NFKC, NFKD, Precompiled, Strip, Replace or a "
         "Sequence of them");
}

Steps parse_normalizer(const Json& json, const std::string& where) {
  Steps all;
  each_of(json, "normalizers", where, [&](const Json& item, const std::string& type) {
    const Steps steps = parse_step(item, type, where);
    all.insert(all.end(), steps.begin(), steps.end());
  });
  return all;
}

// --- pre-tokenizer ---------------------------------------------------------------------------------------

/// What the pre-tokenizers of a file say together.
struct Splits {
  std::vector<WordSplit> words{};
  bool byte_level = false, add_prefix_space = false, splits_words = true;
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

void add_split(const Json& json, const std::string& type, const std::string& where, Splits& splits) {
  if (splits.byte_level) refuse(where, "type", json_string(type) + " behind ByteLevel", "ByteLevel alone");
  if (splits.spaces) refuse(where, "type", json_string(type) + " behind Metaspace", "Metaspace at the end");
  if (type == "BertPreTokenizer") {
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
    splits.splits_words = optional_boolean(json, "use_regex", where, true);
  } else if (type == "Metaspace") {
    splits.spaces = parse_spaces(json, where);
  } else {
    refuse(where, "type", json_string(type),
           "BertPreTokenizer, Whitespace, WhitespaceSplit, Punctuation, ByteLevel, Metaspace or a Sequence");
  }
}

Splits parse_splits(const Json& json, const std::string& where) {
  Splits splits;
  each_of(json, "pretokenizers", where,
          [&](const Json& item, const std::string& type) { add_split(item, type, where, splits); });
  return splits;
}

// --- model -----------------------------------------------------------------------------------------------

WordPieceScheme parse_word_pieces(const Json& model, const Splits& splits, const TokenList& tokens,
                                  const std::string& where) {
  if (splits.byte_level)
    throw Error(where + ": found WordPiece behind the pre-tokenizer ByteLevel, wanted BertPreTokenizer");
  WordPieceScheme scheme{.splits = splits.words, .pieces = {}};
  // A vocabulary may lack its unknown-word token: only a text with such a word then is an error.
  if (has(model, "unk_token"))
    scheme.pieces.unk = tokens.vocabulary.find(require_string(model, "unk_token", where));
  scheme.pieces.continuation = optional_string(model, "continuing_subword_prefix", where, "##");
  scheme.pieces.longest_word = optional_integer(model, "max_input_chars_per_word", where, 100, 0, INT32_MAX);
  scheme.pieces.no_pieces = tokens.not_in_model;
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
  BytePairOptions options{.fuse_unk = optional_boolean(model, "fuse_unk", where, false),
                          .whole_words_first = optional_boolean(model, "ignore_merges", where, false)};
  if (has(model, "unk_token")) {
    const std::string name = require_string(model, "unk_token", where);
    options.unk = tokens.vocabulary.find(name);
    if (!options.unk) refuse(where, "unk_token", json_string(name), "a token of the vocabulary");
  }
  Merges merges;
  const Json& list = require_array(model, "merges", where);
  merges.reserve(list.size());
  for (const Json& merge : list) merges.push_back(parse_merge(merge, merges.size(), where));
  return {.pairs = BytePairs(tokens.vocabulary, merges, options, where),
          .add_prefix_space = splits.add_prefix_space,
          .splits_words = splits.splits_words};
}

UnigramScheme parse_unigram(const Json& model, const Splits& splits, const std::string& where) {
  const bool spaced =
      splits.spaces && (splits.words.empty() || splits.words == std::vector{WordSplit::white_space});
  if (!spaced)
    throw Error(where +
                ": found Unigram without the pre-tokenizer Metaspace, wanted it, perhaps behind "
                "WhitespaceSplit");
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

std::string model_type(const Json& model, const std::string& where) {
  // Files of the first versions do not name it.
  if (!has(model, "type") && has(model, "merges")) return "BPE";
  if (!has(model, "type") && has(model, "max_input_chars_per_word")) return "WordPiece";
  return type_of(model, where);
}

decltype(TokenizerParts::scheme) parse_scheme(const Json& json, const TokenList& tokens,
                                              const std::string& where) {
  const std::string at_model = where + ": model";
  const Json& model = require_object(json, "model", where);
  const std::string type = model_type(model, at_model);
  const Splits splits = parse_splits(part(json, "pre_tokenizer"), where + ": pre_tokenizer");
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
  if (!fits) refuse(where, field, shown(value), concat("an id from 0 to ", vocabulary.size() - 1));
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

std::optional<Templates> parse_processor(const Json& json, const std::string& type,
                                         const Vocabulary& vocabulary, const std::string& where) {
  if (type == "ByteLevel") return std::nullopt;  // trims offsets, which are trimmed anyway
  if (type == "TemplateProcessing")
    return Templates{.single = parse_template(json, "single", 1, vocabulary, where),
                     .pair = parse_template(json, "pair", 2, vocabulary, where)};
  if (type != "BertProcessing" && type != "RobertaProcessing")
    refuse(where, "type", json_string(type),
           "BertProcessing, RobertaProcessing, TemplateProcessing, ByteLevel or a Sequence");
  const std::vector<TokenId> cls = {parse_named_id(json, "cls", vocabulary, where)};
  const std::vector<TokenId> sep = {parse_named_id(json, "sep", vocabulary, where)};
  return type == "BertProcessing" ? bert_templates(cls, sep) : roberta_templates(cls, sep);
}

Templates parse_processors(const Json& json, const Vocabulary& vocabulary, const std::string& where) {
  std::optional<Templates> found;
  each_of(json, "processors", where, [&](const Json& item, const std::string& type) {
    std::optional<Templates> next = parse_processor(item, type, vocabulary, where);
    if (found && next) refuse(where, "processors", "two that add tokens", "one");
    if (next) found = std::move(next);
  });
  return found.value_or(Templates{});
}

}  // namespace

Tokenizer parse_tokenizer(std::string_view json_text, const std::string& where) {
  return tokenizer_of(parse_json(json_text, where), where);
}

Tokenizer tokenizer_of(const Json& json, const std::string& where) {
  TokenList tokens = parse_token_list(json, where);
  Steps normalizer = parse_normalizer(part(json, "normalizer"), where + ": normalizer");
  auto scheme = parse_scheme(json, tokens, where);
  Templates around =
      parse_processors(part(json, "post_processor"), tokens.vocabulary, where + ": post_processor");
  return Tokenizer({.vocabulary = std::move(tokens.vocabulary),
                    .added = std::move(tokens.added),
                    .normalizer = std::move(normalizer),
                    .scheme = std::move(scheme),
                    .around = std::move(around)});
}

}  // namespace slalom
