#include "slalom/text/tokenizer.hpp"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "slalom/base/error.hpp"
#include "slalom/base/json.hpp"
#include "slalom/text/unicode.hpp"

namespace slalom {

namespace {

constexpr std::size_t kLongestText = UINT32_MAX;  // bytes

/// Throws Error if the vocabulary lacks the id.
void require_token(const Vocabulary& vocabulary, TokenId id, const char* what) {
  if (!vocabulary.contains(id))
    throw Error(concat("[tokenizer] ", what, " ", id, ": wanted an id from 0 to ", vocabulary.size() - 1));
}

}  // namespace

Templates bert_templates(const std::vector<TokenId>& cls, const std::vector<TokenId>& sep) {
  const TemplateItem begin{.part = -1, .ids = cls}, end{.part = -1, .ids = sep},
      end_of_second{.part = -1, .ids = sep, .type = 1};
  return {.single = {begin, {.part = 0}, end},
          .pair = {begin, {.part = 0}, end, {.part = 1, .type = 1}, end_of_second}};
}

Templates roberta_templates(const std::vector<TokenId>& cls, const std::vector<TokenId>& sep) {
  const TemplateItem begin{.part = -1, .ids = cls}, end{.part = -1, .ids = sep};
  return {.single = {begin, {.part = 0}, end}, .pair = {begin, {.part = 0}, end, end, {.part = 1}, end}};
}

Tokenizer::Tokenizer(TokenizerParts parts) : parts_(std::move(parts)) {
  std::vector<std::string> raw, normalized;
  for (const AddedToken& token : parts_.added) {
    require_token(parts_.vocabulary, token.id, "added token");
    raw.push_back(token.normalized ? "" : token.content);
    normalized.push_back(token.normalized ? normalize(token.content, 0, parts_.normalizer).bytes : "");
  }
  raw_ = AddedTokenFinder(parts_.added, raw);
  normalized_ = AddedTokenFinder(parts_.added, normalized);
  for (const Template* around : {&parts_.around.single, &parts_.around.pair})
    for (const TemplateItem& item : *around)
      for (const TokenId id : item.ids) require_token(parts_.vocabulary, id, "special token");
}

/// Reads one text.
class Tokenizer::Reader {
 public:
  Reader(const Tokenizer& tokenizer, int part)
      : tokenizer_(tokenizer), parts_(tokenizer.parts_), part_(part) {}

  Encoding read(std::string_view text) {
    std::size_t at = 0;
    for (const AddedMatch& match : tokenizer_.raw_.find(text)) {
      read_plain(text.substr(at, match.begin - at), at);
      put_added(match.token, match.name.begin, match.name.end);
      at = match.end;
    }
    read_plain(text.substr(at), at);
    return std::move(tokens_);
  }

 private:
  /// Text without raw added tokens, from byte `offset` of the whole on.
  void read_plain(std::string_view text, std::size_t offset) {
    if (text.empty()) return;
    const NormalizedText normal = normalize(text, static_cast<std::uint32_t>(offset), parts_.normalizer);
    std::size_t at = 0;
    for (const AddedMatch& match : tokenizer_.normalized_.find(normal.bytes)) {
      read_words(normal, at, match.begin);
      const SourceRange source = source_of(normal, match.name.begin, match.name.end);
      put_added(match.token, source.begin, source.end);
      at = match.end;
    }
    read_words(normal, at, normal.bytes.size());
  }

  void read_words(const NormalizedText& text, std::size_t begin, std::size_t end) {
    if (begin == end) return;
    NormalizedText part = part_of(text, {begin, end});
    std::visit([&](const auto& scheme) { read_part(scheme, std::move(part)); }, parts_.scheme);
  }

  static NormalizedText part_of(const NormalizedText& text, WordRange range) {
    const auto source = text.source.begin();
    return {
        text.bytes.substr(range.begin, range.end - range.begin),
        {source + static_cast<std::ptrdiff_t>(range.begin), source + static_cast<std::ptrdiff_t>(range.end)}};
  }

  static void put_before(std::string_view what, NormalizedText& part) {
    const std::uint32_t begin = part.source.front().begin;
    part.bytes.insert(0, what);
    part.source.insert(part.source.begin(), what.size(), {begin, begin});
  }

  void read_part(const WordPieceScheme& scheme, const NormalizedText& part) {
    for (const WordRange& word : split_words(part.bytes, scheme.splits)) read_word(scheme.pieces, part, word);
  }

  void read_part(const BytePairScheme& scheme, NormalizedText part) {
    if (scheme.add_prefix_space && part.bytes.front() != ' ') put_before(" ", part);
    if (!scheme.splits_words) return read_word(scheme.pairs, part, {0, part.bytes.size()});
    for (const WordRange& word : split_gpt2_words(part.bytes)) read_word(scheme.pairs, part, word);
  }

  void read_part(const UnigramScheme& scheme, const NormalizedText& part) {
    std::vector<WordSplit> splits;
    if (scheme.spaces.splits_white_space) splits.push_back(WordSplit::white_space);
    for (const WordRange& range : split_words(part.bytes, splits)) read_spaced(scheme, part_of(part, range));
  }

  // Reordered marks may be out of order.
  static bool begins_text(const NormalizedText& part) {
    return std::ranges::any_of(part.source, [](const SourceRange& s) { return s.begin == 0; });
  }

  void read_spaced(const UnigramScheme& scheme, const NormalizedText& words) {
    NormalizedText part;
    for (std::size_t i = 0; i < words.bytes.size(); ++i) {
      part.bytes += words.bytes[i] == ' ' ? kPieceSpace : std::string_view(words.bytes).substr(i, 1);
      part.source.resize(part.bytes.size(), words.source[i]);
    }
    using Before = SpacePieces::Before;
    const Before before = scheme.spaces.before;
    if (!part.bytes.starts_with(kPieceSpace) &&
        (before == Before::every_word || (before == Before::first_word && begins_text(part))))
      put_before(kPieceSpace, part);
    for (std::size_t at = 0; at < part.bytes.size();) {
      const std::size_t space =
          scheme.spaces.splits ? part.bytes.find(kPieceSpace, at + 1) : std::string::npos;
      const std::size_t end = std::min(space, part.bytes.size());
      read_word(scheme.model, part, {at, end});
      at = end;
    }
  }

  /// The pieces of short words are remembered while the text is read.
  template <class Model>
  void read_word(const Model& model, const NormalizedText& text, WordRange range) {
    constexpr std::size_t kLongest = 32, kMost = 1 << 16;
    const std::string_view word = std::string_view(text.bytes).substr(range.begin, range.end - range.begin);
    if (const auto known = known_.find(word); known != known_.end())
      return put_word(text, range.begin, known->second);
    std::vector<Piece> pieces;
    model.cut_word(word, parts_.vocabulary, pieces);
    put_word(text, range.begin, pieces);
    if (word.size() <= kLongest && known_.size() < kMost) known_.emplace(word, std::move(pieces));
  }

  void put_word(const NormalizedText& text, std::size_t word_begin, const std::vector<Piece>& pieces) {
    for (const Piece& piece : pieces) {
      std::size_t begin = word_begin + piece.begin;
      const std::size_t end = word_begin + piece.end;
      const std::string_view bytes = std::string_view(text.bytes).substr(begin, end - begin);
      if (bytes.size() > kPieceSpace.size() && bytes.starts_with(kPieceSpace))
        begin += kPieceSpace.size();
      else if (const std::size_t visible = bytes.find_first_not_of(' '); visible != bytes.npos)
        begin += visible;
      const SourceRange source = source_of(text, begin, end);
      put(piece.id, source.begin, source.end);
    }
    ++words_;
  }

  void put_added(std::size_t token, std::size_t begin, std::size_t end) {
    put(parts_.added[token].id, begin, end);
    ++words_;
  }

  void put(TokenId id, std::size_t begin, std::size_t end) {
    tokens_.ids.push_back(id);
    tokens_.places.push_back({part_, static_cast<Index>(begin), static_cast<Index>(end), words_});
  }

  /// The smallest range that holds the sources of bytes [begin, end): reordered marks may be out of order.
  static SourceRange source_of(const NormalizedText& text, std::size_t begin, std::size_t end) {
    SourceRange range = text.source[begin];
    for (std::size_t i = begin + 1; i < end; ++i) {
      range.begin = std::min(range.begin, text.source[i].begin);
      range.end = std::max(range.end, text.source[i].end);
    }
    return range;
  }

  struct Hash : std::hash<std::string_view> {
    using is_transparent = void;
  };

  const Tokenizer& tokenizer_;
  const TokenizerParts& parts_;
  int part_;
  Index words_ = 0;
  Encoding tokens_;
  std::unordered_map<std::string, std::vector<Piece>, Hash, std::equal_to<>> known_;
};

Encoding Tokenizer::read(std::string_view text, int part, const std::string& where) const {
  if (text.size() > kLongestText)
    throw Error(slalom::concat(where, ": found ", text.size(), " bytes, wanted at most ", kLongestText));
  require_utf8(text, where);
  try {
    return Reader(*this, part).read(text);
  } catch (const Error& e) {
    throw Error(where + ": " + e.what(), e.hint(), e.status());
  }
}

Encoding Tokenizer::assemble(const Template& around, const Encoding* texts) {
  Encoding out;
  for (const TemplateItem& item : around) {
    if (item.part < 0) {
      out.ids.insert(out.ids.end(), item.ids.begin(), item.ids.end());
      out.places.resize(out.ids.size());
    } else {
      out.ids.insert(out.ids.end(), texts[item.part].ids.begin(), texts[item.part].ids.end());
      out.places.insert(out.places.end(), texts[item.part].places.begin(), texts[item.part].places.end());
    }
    out.types.resize(out.ids.size(), item.type);
  }
  return out;
}

Encoding Tokenizer::encode(std::string_view text, const std::string& where) const {
  const Encoding tokens = read(text, 0, where);
  return assemble(parts_.around.single, &tokens);
}

Encoding Tokenizer::encode_pair(std::string_view first, std::string_view second,
                                const std::string& where) const {
  const Encoding tokens[] = {read(first, 0, where), read(second, 1, where)};
  return assemble(parts_.around.pair, tokens);
}

std::pair<std::vector<TokenId>, std::vector<TokenId>> Tokenizer::frame() const {
  std::pair<std::vector<TokenId>, std::vector<TokenId>> frame;
  auto* side = &frame.first;
  for (const TemplateItem& item : parts_.around.single) {
    if (item.part == 0) side = &frame.second;
    side->insert(side->end(), item.ids.begin(), item.ids.end());
  }
  return frame;
}

bool Tokenizer::is_added(TokenId id) const {
  return std::ranges::any_of(parts_.added, [&](const AddedToken& t) { return t.id == id; });
}

namespace {

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
    text.replace(at, from.size(), to);
}

std::string with_spaces(std::string pieces) {
  replace_all(pieces, kPieceSpace, " ");
  return pieces;
}

}  // namespace

std::string Tokenizer::readable(TokenId id) const {
  const std::string& token = parts_.vocabulary.token(id);
  if (is_added(id)) return token;
  if (const auto* pieces = std::get_if<WordPieceScheme>(&parts_.scheme)) {
    const std::string& inner = pieces->pieces.continuation;
    return token.size() > inner.size() && token.starts_with(inner) ? token.substr(inner.size()) : token;
  }
  if (std::holds_alternative<UnigramScheme>(parts_.scheme)) return with_spaces(token);
  return replace_invalid_utf8(bytes_of(id));
}

// Of a byte-level tokenizer's token.
std::string Tokenizer::bytes_of(TokenId id) const {
  const std::string& token = parts_.vocabulary.token(id);
  return is_added(id) ? token : from_byte_characters(token).value_or(token);
}

namespace {

// Hugging Face's clean_up_tokenization, in its order.
std::string without_added_spaces(std::string text) {
  constexpr std::pair<std::string_view, std::string_view> kChanges[] = {
      {" .", "."},     {" ?", "?"},   {" !", "!"},   {" ,", ","},     {" ' ", "'"},
      {" n't", "n't"}, {" 'm", "'m"}, {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"}};
  for (const auto& [from, to] : kChanges) replace_all(text, from, to);
  return text;
}

}  // namespace

std::string Tokenizer::joined_pieces(std::span<const TokenId> ids) const {
  std::string text;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const std::string piece = readable(ids[i]);
    const bool continues = piece.size() < parts_.vocabulary.token(ids[i]).size();
    if (i > 0 && !continues) text += ' ';
    text += piece;
  }
  return without_added_spaces(std::move(text));
}

std::string Tokenizer::decode(std::span<const TokenId> ids) const {
  for (const TokenId id : ids) require_token(parts_.vocabulary, id, "token");
  if (std::holds_alternative<WordPieceScheme>(parts_.scheme)) return joined_pieces(ids);
  if (std::holds_alternative<UnigramScheme>(parts_.scheme)) {
    std::string text;
    for (const TokenId id : ids) text += readable(id);
    return text.starts_with(' ') ? text.substr(1) : text;
  }
  std::string bytes;
  for (const TokenId id : ids) bytes += bytes_of(id);
  return replace_invalid_utf8(bytes);
}

std::string Tokenizer::description() const {
  static constexpr const char* kSchemes[] = {"WordPiece", "byte-level BPE",
                                             "Unigram"};  // in the variant's order
  const bool lower = normalize("A", 0, parts_.normalizer).bytes.find('a') != std::string::npos;
  return concat(kSchemes[parts_.scheme.index()], lower ? ", lower case" : "");
}

}  // namespace slalom
