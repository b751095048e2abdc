#include "slalom/text/unicode.hpp"

#include <utf8proc.h>

#include <algorithm>
#include <iomanip>

#include "slalom/base/error.hpp"

namespace slalom {

namespace {

/// Bytes of the character at the front, or 0 if it is not UTF-8; ASCII is the common case.
std::size_t decode(std::string_view bytes, char32_t& c) {
  const auto first = static_cast<unsigned char>(bytes.front());
  if (first < 0x80) {
    c = first;
    return 1;
  }
  utf8proc_int32_t code = -1;
  const utf8proc_ssize_t length = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(bytes.data()),
                                                   static_cast<utf8proc_ssize_t>(bytes.size()), &code);
  c = static_cast<char32_t>(code);
  return length > 0 ? static_cast<std::size_t>(length) : 0;
}

utf8proc_category_t category(char32_t c) {
  return utf8proc_category(static_cast<utf8proc_int32_t>(c));
}

bool between(char32_t c, char32_t first, char32_t last) {
  return c >= first && c <= last;
}

}  // namespace

std::size_t find_utf8_error(std::string_view bytes) {
  char32_t c = 0;
  for (std::size_t at = 0; at < bytes.size();) {
    const std::size_t length = decode(bytes.substr(at), c);
    if (length == 0) return at;
    at += length;
  }
  return std::string_view::npos;
}

void require_utf8(std::string_view bytes, const std::string& where) {
  const std::size_t at = find_utf8_error(bytes);
  if (at == std::string_view::npos) return;
  const int byte = static_cast<unsigned char>(bytes[at]);
  constexpr const char* kDigits = "0123456789ABCDEF";
  throw Error(concat(where, ": byte ", at + 1, ": found 0x", kDigits[byte >> 4], kDigits[byte & 15],
                     ", wanted UTF-8"));
}

std::string replace_invalid_utf8(std::string_view bytes) {
  std::string out;
  bool bad_before = false;
  char32_t c = 0;
  for (std::size_t at = 0; at < bytes.size();) {
    const std::size_t length = decode(bytes.substr(at), c);
    if (length > 0)
      out += bytes.substr(at, length);
    else if (!bad_before)
      out += "\xEF\xBF\xBD";
    bad_before = length == 0;
    at += bad_before ? 1 : length;
  }
  return out;
}

char32_t next_character(std::string_view text, std::size_t& at) {
  char32_t c = 0;
  const std::size_t length = decode(text.substr(at), c);
  at += std::max<std::size_t>(length, 1);
  return length > 0 ? c : 0xFFFD;
}

void append_utf8(char32_t c, std::string& out) {
  if (c < 0x80) {
    out += static_cast<char>(c);
    return;
  }
  utf8proc_uint8_t bytes[4];
  const utf8proc_ssize_t length = utf8proc_encode_char(static_cast<utf8proc_int32_t>(c), bytes);
  out.append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(length));
}

bool is_white_space(char32_t c) {
  if (c < 0x80) return c == ' ' || between(c, '\t', '\r');
  return c == 0x85 || c == 0xA0 || c == 0x1680 || between(c, 0x2000, 0x200A) || c == 0x2028 || c == 0x2029 ||
         c == 0x202F || c == 0x205F || c == 0x3000;
}

bool is_control(char32_t c) {
  if (c < 0x7F) return c < ' ' && c != '\t' && c != '\n' && c != '\r';
  const utf8proc_category_t k = category(c);
  return k == UTF8PROC_CATEGORY_CC || k == UTF8PROC_CATEGORY_CF || k == UTF8PROC_CATEGORY_CO;
}

bool is_punctuation(char32_t c) {
  if (c < 0x80)
    return between(c, '!', '/') || between(c, ':', '@') || between(c, '[', '`') || between(c, '{', '~');
  const utf8proc_category_t k = category(c);
  return k >= UTF8PROC_CATEGORY_PC && k <= UTF8PROC_CATEGORY_PO;
}

bool is_ideograph(char32_t c) {
  if (c < 0x3400) return false;
  return between(c, 0x4E00, 0x9FFF) || between(c, 0x3400, 0x4DBF) || between(c, 0x20000, 0x2A6DF) ||
         between(c, 0x2A700, 0x2B73F) || between(c, 0x2B740, 0x2B81F) || between(c, 0x2B920, 0x2CEAF) ||
         between(c, 0xF900, 0xFAFF) || between(c, 0x2F800, 0x2FA1F);
}

bool is_letter(char32_t c) {
  if (c < 0x80) return between(c | 0x20, 'a', 'z');
  const utf8proc_category_t k = category(c);
  return k >= UTF8PROC_CATEGORY_LU && k <= UTF8PROC_CATEGORY_LO;
}

bool is_number(char32_t c) {
  if (c < 0x80) return between(c, '0', '9');
  const utf8proc_category_t k = category(c);
  return k >= UTF8PROC_CATEGORY_ND && k <= UTF8PROC_CATEGORY_NO;
}

bool is_nonspacing_mark(char32_t c) {
  return c >= 0x300 && category(c) == UTF8PROC_CATEGORY_MN;
}

bool is_mark(char32_t c) {
  if (c < 0x300) return false;
  const utf8proc_category_t k = category(c);
  return k >= UTF8PROC_CATEGORY_MN && k <= UTF8PROC_CATEGORY_ME;
}

bool is_word_character(char32_t c) {
  const utf8proc_category_t k = category(c);
  const bool in_circle = between(c, 0x24B6, 0x24E9) || between(c, 0x1F130, 0x1F149) ||
                         between(c, 0x1F150, 0x1F169) || between(c, 0x1F170, 0x1F189);
  return (k >= UTF8PROC_CATEGORY_LU && k <= UTF8PROC_CATEGORY_NL) || k == UTF8PROC_CATEGORY_PC ||
         c == 0x200C || c == 0x200D || in_circle;
}

}  // namespace slalom
