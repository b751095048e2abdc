#include "slalom/text/byte_pairs.hpp"

#include <queue>

#include "slalom/base/error.hpp"
#include "slalom/base/files.hpp"
#include "slalom/base/json.hpp"
#include "slalom/text/unicode.hpp"

namespace slalom {

// --- bytes as characters ---------------------------------------------------------------------------------

const std::array<char32_t, 256>& byte_characters() {
  static const std::array<char32_t, 256> table = [] {
    std::array<char32_t, 256> t{};
    char32_t next = 0x100;
    for (char32_t b = 0; b < 256; ++b) {
      const bool printable = (b >= '!' && b <= '~') || (b >= 0xA1 && b <= 0xAC) || b >= 0xAE;
      t[b] = printable ? b : next++;
    }
    return t;
  }();
  return table;
}

std::string to_byte_characters(std::string_view bytes) {
  std::string out;
  for (const char b : bytes) append_utf8(byte_characters()[static_cast<unsigned char>(b)], out);
  return out;
}

std::optional<std::string> from_byte_characters(std::string_view token) {
  static const std::unordered_map<char32_t, char> byte_of = [] {
    std::unordered_map<char32_t, char> map;
    for (std::size_t b = 0; b < 256; ++b) map.emplace(byte_characters()[b], static_cast<char>(b));
    return map;
  }();
  if (find_utf8_error(token) != std::string_view::npos) return std::nullopt;
  std::string bytes;
  for (std::size_t at = 0; at < token.size();) {
    const auto found = byte_of.find(next_character(token, at));
    if (found == byte_of.end()) return std::nullopt;
    bytes += found->second;
  }
  return bytes;
}

// --- merges ----------------------------------------------------------------------------------------------

Merges load_merges(const std::string& path) {
  Merges merges;
  LineReader lines(path);
  for (std::string line; lines.next(line);) {
    if (line.starts_with("#version")) continue;
    const std::size_t space = line.find(' ');
    if (space == 0 || space >= line.size() - 1 || line.find(' ', space + 1) != std::string::npos)
      throw Error(concat(lines.where(), ": found ", json_string(line.substr(0, 60)),
                         ", wanted two tokens with a space between them"));
    require_utf8(line, lines.where());
    merges.emplace_back(line.substr(0, space), line.substr(space + 1));
  }
  return merges;
}

void save_merges(const Merges& merges, const std::string& path) {
  OutputFile file(path);
  file.write("#version: 0.2\n");
  for (const auto& [left, right] : merges) file.write(concat(left, " ", right, "\n"));
  file.commit();
}

BytePairs::BytePairs(const Vocabulary& vocabulary, const Merges& merges, BytePairOptions options,
                     const std::string& where)
    : options_(options) {
  for (std::size_t b = 0; b < 256; ++b) {
    const char byte = static_cast<char>(b);
    byte_tokens_[b] = vocabulary.find(to_byte_characters({&byte, 1}));
  }
  merges_.reserve(merges.size());
  for (std::size_t rank = 0; rank < merges.size(); ++rank) {
    const std::string &left = merges[rank].first, &right = merges[rank].second;
    const auto id_of = [&](const std::string& token) {
      if (const std::optional<TokenId> id = vocabulary.find(token)) return *id;
      throw Error(concat(where, ": merge ", rank + 1, " of ", json_string(left), " and ", json_string(right),
                         ": the token ", json_string(token), " is not in the vocabulary"));
    };
    merges_[pair_key(id_of(left), id_of(right))] = {static_cast<std::uint32_t>(rank), id_of(left + right)};
  }
}

const BytePairs::Merge* BytePairs::find(TokenId left, TokenId right) const {
  const auto found = merges_.find(pair_key(left, right));
  return found == merges_.end() ? nullptr : &found->second;
}

/// Bytes [begin, end) of a word; `before` and `after` are its neighbours or −1. A symbol that was joined to
/// the one before it is empty.
struct BytePairs::Symbol {
  TokenId id;
  std::size_t begin, end;
  std::ptrdiff_t before, after;
};

std::vector<BytePairs::Symbol> BytePairs::symbols_of(std::string_view word) const {
  std::vector<Symbol> symbols;
  symbols.reserve(word.size());
  bool unknown_before = false;
  for (std::size_t i = 0; i < word.size(); ++i) {
    const std::optional<TokenId> known = byte_tokens_[static_cast<unsigned char>(word[i])];
    if (!known && unknown_before && options_.fuse_unk) {
      symbols.back().end = i + 1;
    } else if (const std::optional<TokenId> id = known ? known : options_.unk) {
      const std::ptrdiff_t at = std::ssize(symbols);
      symbols.push_back({*id, i, i + 1, at - 1, at + 1});
      unknown_before = !known;
    }
  }
  if (!symbols.empty()) symbols.back().after = -1;
  return symbols;
}

void BytePairs::join(std::vector<Symbol>& symbols) const {
  struct Candidate {
    std::uint32_t rank;
    std::ptrdiff_t at;  // the left symbol
    TokenId joined;
    bool operator<(const Candidate& other) const {  // the first of the lowest rank is the largest
      return rank != other.rank ? rank > other.rank : at > other.at;
    }
  };
  std::priority_queue<Candidate> queue;
  const auto consider = [&](std::ptrdiff_t at) {
    if (at < 0 || symbols[static_cast<std::size_t>(at)].after < 0) return;
    const Symbol& left = symbols[static_cast<std::size_t>(at)];
    if (const Merge* merge = find(left.id, symbols[static_cast<std::size_t>(left.after)].id))
      queue.push({merge->rank, at, merge->joined});
  };
  for (std::ptrdiff_t i = 0; i < std::ssize(symbols); ++i) consider(i);
  while (!queue.empty()) {
    const Candidate top = queue.top();
    queue.pop();
    Symbol& left = symbols[static_cast<std::size_t>(top.at)];
    if (left.begin == left.end || left.after < 0) continue;
    Symbol& right = symbols[static_cast<std::size_t>(left.after)];
    const Merge* merge = find(left.id, right.id);
    if (merge == nullptr || merge->rank != top.rank) continue;  // a neighbour has changed meanwhile
    left.id = top.joined;
    left.end = right.end;
    left.after = right.after;
    right.begin = right.end;
    if (left.after >= 0) symbols[static_cast<std::size_t>(left.after)].before = top.at;
    consider(left.before);
    consider(top.at);
  }
}

void BytePairs::cut_word(std::string_view word, const Vocabulary& vocabulary,
                         std::vector<Piece>& pieces) const {
  if (options_.whole_words_first) {
    if (const std::optional<TokenId> id = vocabulary.find(to_byte_characters(word))) {
      pieces.push_back({*id, 0, word.size()});
      return;
    }
  }
  std::vector<Symbol> symbols = symbols_of(word);
  join(symbols);
  for (const Symbol& s : symbols)
    if (s.begin < s.end) pieces.push_back({s.id, s.begin, s.end});
}

// --- words -----------------------------------------------------------------------------------------------

namespace {

enum class Kind { space, letter, number, other };

/// Of the character at `at`, which moves behind it.
Kind next_kind(std::string_view text, std::size_t& at) {
  const char32_t c = next_character(text, at);
  if (is_white_space(c)) return Kind::space;
  return is_letter(c) ? Kind::letter : is_number(c) ? Kind::number : Kind::other;
}

/// The end of the run of characters of one kind that begins at `at`, and where its last one begins.
std::size_t end_of_run(std::string_view text, std::size_t at, Kind kind, std::size_t& last) {
  for (std::size_t next = at; at < text.size() && next_kind(text, next) == kind; at = next) last = at;
  return at;
}

/// Length of the contraction that the text begins with, 0 if there is none.
std::size_t contraction(std::string_view text) {
  for (const std::string_view c : {"'s", "'t", "'re", "'ve", "'m", "'ll", "'d"})
    if (text.starts_with(c)) return c.size();
  return 0;
}

/// The end of the word that begins at `begin`.
std::size_t end_of_word(std::string_view text, std::size_t begin) {
  if (const std::size_t length = contraction(text.substr(begin)); length > 0) return begin + length;
  std::size_t at = begin, last = begin;
  const Kind kind = next_kind(text, at);
  const std::size_t end = end_of_run(text, begin, kind, last);
  if (kind != Kind::space || end == text.size()) return end;
  if (last > begin) return last;  // the last one is for what follows
  return text[begin] == ' ' ? end_of_run(text, end, next_kind(text, at), last) : end;
}

}  // namespace

std::vector<WordRange> split_gpt2_words(std::string_view text) {
  std::vector<WordRange> words;
  for (std::size_t at = 0; at < text.size(); at = words.back().end)
    words.push_back({at, end_of_word(text, at)});
  return words;
}

}  // namespace slalom
