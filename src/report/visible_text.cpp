#include "slalom/report/visible_text.hpp"

#include <utf8proc.h>

#include <algorithm>
#include <cstdio>

#include "slalom/text/unicode.hpp"

namespace slalom {

namespace {

bool by_number(char32_t c) {
  if (c == 0x200C || c == 0x200D) return false;  // joiners: parts of words and of emoji
  switch (utf8proc_category(static_cast<utf8proc_int32_t>(c))) {
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
    case UTF8PROC_CATEGORY_CN:
      return true;
    default:
      return false;
  }
}

void append_visible(std::string& to, char32_t c) {
  if (c == '\n' || c == '\t') return append_utf8(c == '\n' ? U'↵' : U'⇥', to);
  if (!by_number(c)) return append_utf8(c, to);
  char number[16];
  std::snprintf(number, sizeof number, "[U+%04X]", static_cast<unsigned>(c));
  to += number;
}

Index columns_of(char32_t c) {
  return utf8proc_charwidth(static_cast<utf8proc_int32_t>(c));
}

}  // namespace

std::u32string code_points(std::string_view utf8) {
  std::u32string out;
  for (std::size_t at = 0; at < utf8.size();) out += next_character(utf8, at);
  return out;
}

std::string utf8_of(std::u32string_view text) {
  std::string out;
  for (const char32_t c : text) append_utf8(c, out);
  return out;
}

std::string visible(std::string_view bytes, bool keep_lines) {
  std::string out;
  for (std::size_t at = 0; at < bytes.size();) {
    const char32_t c = next_character(bytes, at);
    if (keep_lines && c == '\r' && at < bytes.size() && bytes[at] == '\n') continue;
    if (keep_lines && (c == '\n' || c == '\t'))
      out += c == '\n' ? '\n' : ' ';
    else
      append_visible(out, c);
  }
  return out;
}

std::string escaped(std::string_view bytes, bool keep_lines) {
  constexpr std::string_view kSpecial = "&<>\"'";
  constexpr const char* kEntities[] = {"&amp;", "&lt;", "&gt;", "&quot;", "&#39;"};
  std::string out;
  for (const char c : visible(bytes, keep_lines)) {
    const std::size_t which = kSpecial.find(c);
    if (which == std::string_view::npos)
      out += c;
    else
      out += kEntities[which];
  }
  return out;
}

Index terminal_columns(std::string_view visible_text) {
  Index sum = 0;
  for (const char32_t c : code_points(visible_text)) sum += columns_of(c);
  return sum;
}

std::string shortened(const std::string& visible_text, Index columns) {
  if (terminal_columns(visible_text) <= columns) return visible_text;
  std::string out;
  for (const char32_t c : code_points(visible_text)) {
    columns -= columns_of(c);
    if (columns < 1) break;
    append_utf8(c, out);
  }
  return out + "…";
}

std::vector<std::pair<std::size_t, std::size_t>> lines_of(std::u32string_view text, Index columns) {
  std::vector<std::pair<std::size_t, std::size_t>> lines;
  for (std::size_t begin = 0; begin < text.size();) {
    std::size_t end = begin, space = begin;
    for (Index used = 0; end < text.size() && text[end] != '\n'; ++end) {
      if (text[end] == ' ') space = end;
      used += columns_of(text[end]);
      if (used <= columns) continue;
      end = space > begin ? space : std::max(end, begin + 1);
      break;
    }
    std::size_t next = end;
    if (next < text.size() && (text[next] == ' ' || text[next] == '\n')) ++next;
    while (end > begin && text[end - 1] == ' ') --end;
    lines.emplace_back(begin, end);
    begin = next;
  }
  return lines;
}

}  // namespace slalom
