#include "slalom/text/normalizer.hpp"

#include <utf8proc.h>

#include <algorithm>

#include "slalom/text/unicode.hpp"

namespace slalom {

namespace {

struct Character {
  char32_t code;
  SourceRange source;
};
using Characters = std::vector<Character>;

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

void clean(Characters& text) {
  std::erase_if(text,
                [](const Character& c) { return c.code == 0 || c.code == 0xFFFD || is_control(c.code); });
  for (Character& c : text)
    if (is_white_space(c.code)) c.code = ' ';
}

void space_ideographs(Characters& text) {
  if (std::ranges::none_of(text, [](const Character& c) { return is_ideograph(c.code); })) return;
  Characters out;
  out.reserve(text.size() + text.size() / 2);
  for (const Character& c : text) {
    const bool spaced = is_ideograph(c.code);
    if (spaced) out.push_back({' ', {c.source.begin, c.source.begin}});
    out.push_back(c);
    if (spaced) out.push_back({' ', {c.source.end, c.source.end}});
  }
  text = std::move(out);
}

int combining_class(char32_t c) {
  return c < 0x300 ? 0 : utf8proc_get_property(static_cast<utf8proc_int32_t>(c))->combining_class;
}

/// Marks behind a letter in the order of their combining classes.
void order_marks(Characters& text) {
  const auto is_ordered = [](const Character& c) { return combining_class(c.code) == 0; };
  const auto by_class = [](const Character& c) { return combining_class(c.code); };
  for (auto at = text.begin(); at != text.end();) {
    const auto begin = std::find_if_not(at, text.end(), is_ordered);
    at = std::find_if(begin, text.end(), is_ordered);
    std::ranges::stable_sort(begin, at, {}, by_class);
  }
}

void decompose(Characters& text, int options) {
  if (std::ranges::all_of(text, [](const Character& c) { return c.code < 0x80; })) return;
  constexpr int kLongest = 32;  // the longest decomposition has 18 characters
  Characters out;
  out.reserve(text.size() + text.size() / 4);
  for (const Character& c : text) {
    utf8proc_int32_t parts[kLongest];
    int boundary = 0;
    const utf8proc_ssize_t count =
        utf8proc_decompose_char(static_cast<utf8proc_int32_t>(c.code), parts, kLongest,
                                static_cast<utf8proc_option_t>(options), &boundary);
    for (utf8proc_ssize_t i = 0; i < count; ++i) out.push_back({static_cast<char32_t>(parts[i]), c.source});
  }
  text = std::move(out);
  order_marks(text);
}

/// The one character that stands for both, or 0.
char32_t composed(char32_t first, char32_t second) {
  if (second < 0x300) return 0;
  utf8proc_int32_t pair[3] = {static_cast<utf8proc_int32_t>(first), static_cast<utf8proc_int32_t>(second), 0};
  const auto options = static_cast<utf8proc_option_t>(UTF8PROC_COMPOSE | UTF8PROC_STABLE);
  return utf8proc_normalize_utf32(pair, 2, options) == 1 ? static_cast<char32_t>(pair[0]) : 0;
}

/// Unicode's canonical composition: a character joins the last starter unless one of its own class or a
/// higher one, or another starter, stands between them.
void compose(Characters& text) {
  Characters out;
  out.reserve(text.size());
  constexpr std::size_t kNone = SIZE_MAX;
  std::size_t starter = kNone;
  int last_class = 0;  // of out.back(), if that is behind the starter
  for (const Character& c : text) {
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

template <class IsStripped>
void strip(Characters& text, const IsStripped& is_stripped) {
  std::size_t kept = 0;
  for (const Character& c : text) {
    if (!is_stripped(c.code)) {
      text[kept++] = c;
    } else if (kept > 0) {
      SourceRange& before = text[kept - 1].source;
      before.end = std::max(before.end, c.source.end);
    }
  }
  text.resize(kept);
}

void lower_case(Characters& text) {
  Characters out;
  out.reserve(text.size() + 1);
  for (const auto& [code, source] : text) {
    if (code < 0x80) {
      out.push_back({code >= 'A' && code <= 'Z' ? code + ('a' - 'A') : code, source});
    } else if (code == 0x130) {  // the one character whose lower case is two: i and a combining dot
      out.push_back({'i', source});
      out.push_back({0x307, source});
    } else {
      out.push_back({static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(code))), source});
    }
  }
  text = std::move(out);
}

void apply(NormalizerStep step, Characters& text) {
  switch (step) {
    case NormalizerStep::clean:
      return clean(text);
    case NormalizerStep::space_ideographs:
      return space_ideographs(text);
    case NormalizerStep::decompose:
      return decompose(text, UTF8PROC_DECOMPOSE);
    case NormalizerStep::decompose_compatible:
      return decompose(text, UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT);
    case NormalizerStep::compose:
      return compose(text);
    case NormalizerStep::strip_nonspacing_marks:
      return strip(text, is_nonspacing_mark);
    case NormalizerStep::strip_marks:
      return strip(text, is_mark);
    case NormalizerStep::lower_case:
      return lower_case(text);
  }
}

}  // namespace

std::vector<NormalizerStep> bert_steps(const BertNormalizer& normalizer) {
  std::vector<NormalizerStep> steps;
  if (normalizer.clean) steps.push_back(NormalizerStep::clean);
  if (normalizer.space_ideographs) steps.push_back(NormalizerStep::space_ideographs);
  if (normalizer.strip_accents)
    steps.insert(steps.end(), {NormalizerStep::decompose, NormalizerStep::strip_nonspacing_marks});
  if (normalizer.lower_case) steps.push_back(NormalizerStep::lower_case);
  return steps;
}

NormalizedText normalize(std::string_view text, std::uint32_t offset, std::span<const NormalizerStep> steps) {
  NormalizedText out;
  if (steps.empty()) {
    out.bytes = text;
    out.source.resize(text.size());
    for (std::uint32_t i = 0; i < out.source.size(); ++i) out.source[i] = {offset + i, offset + i + 1};
    return out;
  }
  Characters characters = characters_of(text, offset);
  for (const NormalizerStep step : steps) apply(step, characters);
  out.bytes.reserve(characters.size());
  out.source.reserve(characters.size());
  for (const Character& c : characters) {
    append_utf8(c.code, out.bytes);
    out.source.resize(out.bytes.size(), c.source);
  }
  return out;
}

}  // namespace slalom
