#include "slalom/text/normalizer.hpp"

#include <utf8proc.h>

#include <algorithm>
#include <cstring>
#include <optional>

#include "slalom/base/error.hpp"
#include "slalom/text/unicode.hpp"

namespace slalom {

namespace {

Characters characters_of(std::string_view text, std::uint32_t offset) {
  Characters out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const auto begin = static_cast<std::uint32_t>(at);
    const char32_t code = next_character(text, at);
    out.push_back({code, {offset + begin, offset + static_cast<std::uint32_t>(at)}});
  }
  return out;
}

utf8proc_int32_t point(char32_t c) {
  return static_cast<utf8proc_int32_t>(c);
}

int combining_class(char32_t c) {
  return c < 0x300 ? 0 : utf8proc_get_property(point(c))->combining_class;
}

/// Marks behind a letter in the order of their combining classes.
void order_marks(Characters& text) {
  const auto class_of = [](const SourcedCharacter& c) { return combining_class(c.code); };
  const auto is_letter = [](const SourcedCharacter& c) { return combining_class(c.code) == 0; };
  for (auto at = text.begin(); at != text.end();) {
    const auto begin = std::find_if_not(at, text.end(), is_letter);
    at = std::find_if(begin, text.end(), is_letter);
    std::ranges::stable_sort(begin, at, {}, class_of);
  }
}

void decompose_as(int options, Characters& text) {
  if (std::ranges::all_of(text, [](const SourcedCharacter& c) { return c.code < 0x80; })) return;
  constexpr int kLongest = 32;  // the longest decomposition has 18 characters
  Characters out;
  out.reserve(text.size() + text.size() / 4);
  for (const SourcedCharacter& c : text) {
    utf8proc_int32_t parts[kLongest];
    int boundary = 0;
    const utf8proc_ssize_t count = utf8proc_decompose_char(
        point(c.code), parts, kLongest, static_cast<utf8proc_option_t>(options), &boundary);
    for (utf8proc_ssize_t i = 0; i < count; ++i) out.push_back({static_cast<char32_t>(parts[i]), c.source});
  }
  text = std::move(out);
  order_marks(text);
}

/// The one character that stands for both, or 0.
char32_t composed(char32_t first, char32_t second) {
  if (second < 0x300) return 0;
  utf8proc_int32_t pair[3] = {point(first), point(second), 0};
  const auto options = static_cast<utf8proc_option_t>(UTF8PROC_COMPOSE | UTF8PROC_STABLE);
  return utf8proc_normalize_utf32(pair, 2, options) == 1 ? static_cast<char32_t>(pair[0]) : 0;
}

template <class IsStripped>
void strip(Characters& text, const IsStripped& is_stripped) {
  std::size_t kept = 0;
  for (const SourcedCharacter& c : text) {
    if (!is_stripped(c.code)) {
      text[kept++] = c;
    } else if (kept > 0) {
      SourceRange& before = text[kept - 1].source;
      before.end = std::max(before.end, c.source.end);
    }
  }
  text.resize(kept);
}

bool is_text(const SourcedCharacter& c) {
  return !is_white_space(c.code);
}

// --- replacing -------------------------------------------------------------------------------------------

/// Characters [begin, end) become `with`, all of which stands for all of their sources.
struct Replacement {
  std::size_t begin, end;
  std::string_view with;
};

void make(const std::vector<Replacement>& changes, Characters& text) {
  if (changes.empty()) return;
  Characters out;
  out.reserve(text.size());
  std::size_t at = 0;
  const auto copy_until = [&](std::size_t end) {
    for (; at < end; ++at) out.push_back(text[at]);
  };
  for (const Replacement& change : changes) {
    copy_until(change.begin);
    const SourceRange source{text[change.begin].source.begin, text[change.end - 1].source.end};
    for (std::size_t i = 0; i < change.with.size();) out.push_back({next_character(change.with, i), source});
    at = change.end;
  }
  copy_until(text.size());
  text = std::move(out);
}

/// SentencePiece's map: four bytes with the size of the trie, the trie's units of four bytes each, and texts
/// that end with a zero byte. A unit has a label, where its children are, and whether one of them is a place
/// in the texts.
class CharacterMap {
 public:
  explicit CharacterMap(std::string_view map)
      : map_(map), units_(number(0) / 4), texts_(map.substr(4 + 4 * units_)) {}

  /// What a string becomes whose beginning the trie has: of several beginnings the shortest counts, as in
  /// Hugging Face's library.
  std::optional<std::string_view> find(std::string_view string) const {
    std::size_t at = children(0, unit(0));
    for (const char c : string) {
      const auto byte = static_cast<unsigned char>(c);
      at ^= byte;
      if (byte == 0 || at >= units_ || (unit(at) & 0x800000FFU) != byte) return std::nullopt;
      const std::uint32_t here = unit(at);
      at = children(at, here);
      if ((here >> 8 & 1) == 0) continue;
      const std::size_t place = at < units_ ? unit(at) & 0x7FFFFFFFU : texts_.size();
      if (place >= texts_.size() || (texts_[place] & 0xC0) == 0x80) return std::nullopt;
      return texts_.substr(place, texts_.find('\0', place) - place);
    }
    return std::nullopt;
  }

 private:
  std::uint32_t number(std::size_t at) const {
    std::uint32_t n = 0;
    std::memcpy(&n, map_.data() + at, sizeof n);
    return n;
  }
  std::uint32_t unit(std::size_t i) const { return number(4 + 4 * i); }
  static std::size_t children(std::size_t at, std::uint32_t unit) {
    return at ^ (unit >> 10 << ((unit >> 6) & 8));
  }

  std::string_view map_;
  std::size_t units_;
  std::string_view texts_;
};

/// Grapheme by grapheme, and where one has no entry, character by character. What goes at the beginning
/// belongs to the first character that stays, which so begins the text.
void map_by(const CharacterMap& map, Characters& text) {
  constexpr std::size_t kLongestGrapheme = 5;  // bytes; longer ones go by the character
  std::vector<Replacement> changes;
  for (std::size_t at = 0; at < text.size();) {
    std::string grapheme;
    utf8proc_int32_t state = 0;
    std::size_t end = at;
    do append_utf8(text[end++].code, grapheme);
    while (end < text.size() &&
           !utf8proc_grapheme_break_stateful(point(text[end - 1].code), point(text[end].code), &state));
    const auto whole = grapheme.size() <= kLongestGrapheme ? map.find(grapheme) : std::nullopt;
    if (whole) changes.push_back({at, end, *whole});
    for (; at < end; ++at) {
      std::string character;
      append_utf8(text[at].code, character);
      if (const auto found = whole ? std::nullopt : map.find(character))
        changes.push_back({at, at + 1, *found});
    }
  }
  const std::uint32_t begin = text.empty() ? 0 : text.front().source.begin;
  make(changes, text);
  if (!text.empty()) text.front().source.begin = begin;
}

}  // namespace

namespace normalizer {

void clean(Characters& text) {
  std::erase_if(
      text, [](const SourcedCharacter& c) { return c.code == 0 || c.code == 0xFFFD || is_control(c.code); });
  for (SourcedCharacter& c : text)
    if (is_white_space(c.code)) c.code = ' ';
}

void space_ideographs(Characters& text) {
  Characters out;
  out.reserve(text.size());
  for (const SourcedCharacter& c : text) {
    const bool spaced = is_ideograph(c.code);
    if (spaced) out.push_back({' ', {c.source.begin, c.source.begin}});
    out.push_back(c);
    if (spaced) out.push_back({' ', {c.source.end, c.source.end}});
  }
  text = std::move(out);
}

void decompose(Characters& text) {
  decompose_as(UTF8PROC_DECOMPOSE, text);
}

void decompose_compatible(Characters& text) {
  decompose_as(UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT, text);
}

/// A character joins the last starter unless one of its own class or a higher one, or another starter, stands
/// between them.
void compose(Characters& text) {
  Characters out;
  out.reserve(text.size());
  constexpr std::size_t kNone = SIZE_MAX;
  std::size_t starter = kNone;
  int last_class = 0;  // of out.back(), if that is behind the starter
  for (const SourcedCharacter& c : text) {
    const int c_class = combining_class(c.code);
    const bool adjacent = starter != kNone && starter + 1 == out.size();
    if (starter != kNone && (adjacent || last_class < c_class))
      if (const char32_t joined = composed(out[starter].code, c.code); joined != 0) {
        out[starter].code = joined;
        out[starter].source.end = std::max(out[starter].source.end, c.source.end);
        continue;
      }
    if (c_class == 0) starter = out.size();
    last_class = c_class;
    out.push_back(c);
  }
  text = std::move(out);
}

void strip_nonspacing_marks(Characters& text) {
  strip(text, is_nonspacing_mark);
}

void strip_marks(Characters& text) {
  strip(text, is_mark);
}

void lower_case(Characters& text) {
  Characters out;
  out.reserve(text.size());
  for (const auto& [code, source] : text) {
    const bool is_two = code == 0x130;  // the one character whose lower case is i and a combining dot
    out.push_back({is_two ? U'i' : static_cast<char32_t>(utf8proc_tolower(point(code))), source});
    if (is_two) out.push_back({0x307, source});
  }
  text = std::move(out);
}

void strip_left(Characters& text) {
  text.erase(text.begin(), std::ranges::find_if(text, is_text));
}

void strip_right(Characters& text) {
  text.erase(std::find_if(text.rbegin(), text.rend(), is_text).base(), text.end());
}

NormalizerStep join_spaces(std::string to) {
  return [=](Characters& text) {
    std::vector<Replacement> changes;
    for (std::size_t at = 0; at < text.size();) {
      std::size_t end = at;
      while (end < text.size() && text[end].code == ' ') ++end;
      if (end - at > 1) changes.push_back({at, end, to});
      at = std::max(end, at + 1);
    }
    make(changes, text);
  };
}

NormalizerStep replace(std::string_view from, std::string to) {
  return [wanted = characters_of(from, 0), to](Characters& text) {
    std::vector<Replacement> changes;
    for (std::size_t at = 0; !wanted.empty() && at + wanted.size() <= text.size();) {
      const bool found = std::ranges::equal(wanted, std::span(text).subspan(at, wanted.size()), {},
                                            &SourcedCharacter::code, &SourcedCharacter::code);
      if (found) changes.push_back({at, at + wanted.size(), to});
      at += found ? wanted.size() : 1;
    }
    make(changes, text);
  };
}

NormalizerStep map_characters(std::string map, const std::string& where) {
  std::uint32_t size = 0;
  if (map.size() >= sizeof size) std::memcpy(&size, map.data(), sizeof size);
  if (size < 4 || size % 4 != 0 || size > map.size() - sizeof size || !map.ends_with('\0') ||
      find_utf8_error(std::string_view(map).substr(sizeof size + size)) != std::string_view::npos)
    throw Error(
        concat(where, ": found ", map.size(), " bytes, wanted a map of characters as SentencePiece has it"));
  return [map = std::move(map)](Characters& text) { map_by(CharacterMap(map), text); };
}

}  // namespace normalizer

std::vector<NormalizerStep> bert_steps(const BertNormalizer& chosen) {
  std::vector<NormalizerStep> steps;
  if (chosen.clean) steps.push_back(normalizer::clean);
  if (chosen.space_ideographs) steps.push_back(normalizer::space_ideographs);
  if (chosen.strip_accents)
    steps.insert(steps.end(), {normalizer::decompose, normalizer::strip_nonspacing_marks});
  if (chosen.lower_case) steps.push_back(normalizer::lower_case);
  return steps;
}

NormalizedText normalize(std::string_view text, std::uint32_t offset, std::span<const NormalizerStep> steps) {
  NormalizedText out;
  if (steps.empty()) {
    out.bytes = text;
    for (std::uint32_t i = 0; i < text.size(); ++i) out.source.push_back({offset + i, offset + i + 1});
    return out;
  }
  Characters characters = characters_of(text, offset);
  for (const NormalizerStep& step : steps) step(characters);
  out.bytes.reserve(characters.size());
  out.source.reserve(characters.size());
  for (const SourcedCharacter& c : characters) {
    append_utf8(c.code, out.bytes);
    out.source.resize(out.bytes.size(), c.source);
  }
  return out;
}

}  // namespace slalom
