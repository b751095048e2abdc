#include "slalom/report/characters.hpp"

#include <utf8proc.h>

#include <array>
#include <cstdio>

namespace slalom {

namespace {

constexpr char32_t kReplacement = 0xFFFD, kLongestAscii = 0x7E;

// Thousandths of the font size, from space to tilde.
constexpr std::array<int, 95> kDejaVuSans = {
    318, 401, 460, 838, 636, 950, 780, 275, 390, 390, 500, 838, 318, 361,  318, 337, 636, 636, 636,
    636, 636, 636, 636, 636, 636, 636, 337, 337, 838, 838, 838, 531, 1000, 684, 686, 698, 770, 632,
    575, 775, 752, 295, 295, 656, 557, 863, 748, 787, 603, 787, 695, 635,  611, 732, 684, 989, 685,
    611, 685, 390, 337, 390, 838, 500, 500, 613, 635, 550, 635, 615, 352,  635, 634, 278, 278, 579,
    278, 974, 634, 612, 635, 635, 411, 521, 392, 634, 592, 818, 592, 592,  525, 636, 337, 636, 838};

utf8proc_int32_t code(char32_t c) {
  return static_cast<utf8proc_int32_t>(c);
}

bool by_number(char32_t c) {
  if (c == 0x200C || c == 0x200D) return false;  // joiners: parts of words and of emoji
  switch (utf8proc_category(code(c))) {
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
  if (c == '\n' || c == '\t') return append_utf8(to, c == '\n' ? U'↵' : U'⇥');
  if (!by_number(c)) return append_utf8(to, c);
  char number[16];
  std::snprintf(number, sizeof number, "[U+%04X]", static_cast<unsigned>(c));
  to += number;
}

// Reads one code point, or one byte as U+FFFD; moves `at` behind it.
char32_t next(std::string_view bytes, std::size_t& at) {
  utf8proc_int32_t c = -1;
  const utf8proc_ssize_t length =
      utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(bytes.data()) + at,
                       static_cast<utf8proc_ssize_t>(bytes.size() - at), &c);
  at += length > 0 ? static_cast<std::size_t>(length) : 1;
  return length > 0 ? static_cast<char32_t>(c) : kReplacement;
}

double ascii_width(char32_t c) {
  return kDejaVuSans[c - ' '] / 1000.0;
}

double em_width(char32_t c) {
  if (c >= ' ' && c <= kLongestAscii) return ascii_width(c);
  if (c == 0x2018 || c == 0x2019) return 0.318;  // single quotation marks
  if (c == 0x201C || c == 0x201D) return 0.518;  // double ones
  if (terminal_columns(c) != 1) return 1.1 * static_cast<double>(terminal_columns(c)) / 2;
  // An accent does not widen its letter.
  std::array<utf8proc_int32_t, 8> parts{};
  int state = 0;
  const auto n = utf8proc_decompose_char(code(c), parts.data(), parts.size(), UTF8PROC_DECOMPOSE, &state);
  if (n > 1 && parts[0] >= ' ' && parts[0] <= static_cast<int>(kLongestAscii))
    return ascii_width(static_cast<char32_t>(parts[0]));
  return utf8proc_category(code(c)) == UTF8PROC_CATEGORY_LL ? 0.85 : 1.05;
}

}  // namespace

void append_utf8(std::string& to, char32_t character) {
  std::array<utf8proc_uint8_t, 4> bytes{};
  const utf8proc_ssize_t n = utf8proc_encode_char(code(character), bytes.data());
  to.append(reinterpret_cast<const char*>(bytes.data()), static_cast<std::size_t>(n));
}

std::u32string code_points(std::string_view utf8) {
  std::u32string out;
  for (std::size_t at = 0; at < utf8.size();) out += next(utf8, at);
  return out;
}

std::string visible(std::string_view bytes, bool keep_lines) {
  std::string out;
  for (std::size_t at = 0; at < bytes.size();) {
    const char32_t c = next(bytes, at);
    if (keep_lines && c == '\r' && at < bytes.size() && bytes[at] == '\n') continue;
    if (keep_lines && (c == '\n' || c == '\t'))
      out += c == '\n' ? '\n' : ' ';
    else
      append_visible(out, c);
  }
  return out;
}

std::string escaped(std::string_view bytes, bool keep_lines) {
  std::string out;
  for (const char c : visible(bytes, keep_lines)) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

Index terminal_columns(char32_t character) {
  return utf8proc_charwidth(code(character));
}

Index terminal_columns(std::string_view visible_text) {
  Index sum = 0;
  for (const char32_t c : code_points(visible_text)) sum += terminal_columns(c);
  return sum;
}

double text_width(std::string_view visible_text, double size) {
  double sum = 0;
  for (const char32_t c : code_points(visible_text)) sum += em_width(c);
  return sum * size;
}

std::string shortened(const std::string& visible_text, Index characters) {
  const std::u32string all = code_points(visible_text);
  if (std::ssize(all) <= characters) return visible_text;
  std::string out;
  for (Index i = 0; i + 1 < characters; ++i) append_utf8(out, all[static_cast<std::size_t>(i)]);
  return out + "…";
}

}  // namespace slalom
