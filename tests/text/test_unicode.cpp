#include "slalom/text/unicode.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "slalom/base/error.hpp"

using namespace slalom;

TEST_CASE("UTF-8: the first byte that is none is found") {
  CHECK(find_utf8_error("") == std::string_view::npos);
  CHECK(find_utf8_error("aé中😀") == std::string_view::npos);
  CHECK(find_utf8_error("\xC0\x80") == 0);          // overlong
  CHECK(find_utf8_error("ab\xFF") == 2);            // never a byte of UTF-8
  CHECK(find_utf8_error("a\x80") == 1);             // stray continuation
  CHECK(find_utf8_error("é\xED\xA0\x80") == 2);     // a surrogate
  CHECK(find_utf8_error("x\xF0\x9F\x98") == 1);     // cut
  CHECK(find_utf8_error("\xF4\x90\x80\x80") == 0);  // beyond U+10FFFF
  CHECK(find_utf8_error({"a\0b", 3}) == std::string_view::npos);
  CHECK_THROWS_WITH_AS(require_utf8("aé\xFF", "here"), "here: byte 4: found 0xFF, wanted UTF-8", Error);
  CHECK_THROWS_WITH_AS(require_utf8("\x8f", "here"), "here: byte 1: found 0x8F, wanted UTF-8", Error);
}

TEST_CASE("UTF-8: a run of other bytes becomes one U+FFFD") {
  CHECK(replace_invalid_utf8("aé") == "aé");
  CHECK(replace_invalid_utf8("a\xF0\x9F\x98z") == "a\uFFFDz");
  CHECK(replace_invalid_utf8("\xFFé\x80") == "\uFFFDé\uFFFD");
}

TEST_CASE("UTF-8: characters there and back") {
  std::string copy;
  const std::string text = "aé中😀";
  std::vector<char32_t> codes;
  for (std::size_t at = 0; at < text.size();) {
    codes.push_back(next_character(text, at));
    append_utf8(codes.back(), copy);
  }
  CHECK(codes == std::vector<char32_t>{'a', 0xE9, 0x4E2D, 0x1F600});
  CHECK(copy == text);
}

TEST_CASE("characters: the classes that BERT cuts by") {
  for (const char32_t c : {U' ', U'\t', U'\n', U'\v', U'\u0085', U'\u00A0', U'\u2003', U'\u2028', U'\u3000'})
    CHECK(is_white_space(c));
  for (const char32_t c : {U'a', U'\u200B', U'\u180E', U'\uFEFF', U'\x1C'}) CHECK_FALSE(is_white_space(c));
  for (const char32_t c : {U'\0', U'\v', U'\x7F', U'\u0085', U'\u00AD', U'\u200D', U'\uFEFF', U'\uE000'})
    CHECK(is_control(c));
  // U+0378 is not assigned
  for (const char32_t c : {U'\t', U'\n', U'\r', U' ', U'~', U'é', U'\u2028', U'\u0378'})
    CHECK_FALSE(is_control(c));
  for (const char32_t c : {U'!', U'$', U'+', U'<', U'^', U'`', U'|', U'~', U'_', U'¿', U'—', U'…', U'。'})
    CHECK(is_punctuation(c));
  for (const char32_t c : {U' ', U'a', U'5', U'é', U'€', U'×', U'²', U'\u0301'})
    CHECK_FALSE(is_punctuation(c));
  for (const char32_t c : {U'中', U'\u3400', U'\uF900', U'\U00020000', U'\U0002B920'}) CHECK(is_ideograph(c));
  for (const char32_t c : {U'あ', U'한', U'。', U'\U0002B820', U'\uA000'}) CHECK_FALSE(is_ideograph(c));
}

TEST_CASE("characters: marks and what \\w matches") {
  CHECK(is_nonspacing_mark(0x301));
  CHECK_FALSE(is_nonspacing_mark(0x903));  // Devanagari visarga, Mc
  CHECK(is_mark(0x903));
  CHECK(is_mark(0x20DD));  // an enclosing circle, Me
  CHECK_FALSE(is_mark('a'));
  for (const char32_t c : {U'a', U'é', U'_', U'7', U'中', U'\u0301', U'Ⅳ', U'Ⓐ', U'\u200D', U'‿'})
    CHECK(is_word_character(c));
  for (const char32_t c : {U' ', U'-', U'½', U'€', U'😀', U'。'}) CHECK_FALSE(is_word_character(c));
}
