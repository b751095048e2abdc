// UTF-8 and the classes of characters that tokenizers cut by.
#pragma once

#include <string>
#include <string_view>

namespace slalom {

/// Offset of the first byte that is not UTF-8 (an overlong form, a surrogate, a cut or stray byte), or
/// std::string_view::npos.
std::size_t find_utf8_error(std::string_view bytes);
/// Throws Error("WHERE: byte N: found 0xFF, wanted UTF-8"), N from 1.
void require_utf8(std::string_view bytes, const std::string& where);
/// Each run of bytes that are not UTF-8 becomes one U+FFFD.
std::string replace_invalid_utf8(std::string_view bytes);

/// The character at offset `at`, U+FFFD for a byte that is not UTF-8; moves `at` behind it.
char32_t next_character(std::string_view text, std::size_t& at);
void append_utf8(char32_t c, std::string& out);

/// Unicode's White_Space.
bool is_white_space(char32_t c);
/// Categories Cc, Cf and Co, but not tab, line feed and carriage return.
bool is_control(char32_t c);
/// Categories P*, and all of ASCII that is neither letter, digit, space nor control ("$", "+" …).
bool is_punctuation(char32_t c);
/// The ideograph blocks that BERT puts spaces around; its tables leave U+2B820 … U+2B91F out.
bool is_ideograph(char32_t c);
/// Categories L* and N*.
bool is_letter(char32_t c);
bool is_number(char32_t c);
/// Category Mn.
bool is_nonspacing_mark(char32_t c);
/// Categories Mn, Mc and Me.
bool is_mark(char32_t c);
/// What \w matches: letters, marks, decimal digits, letter numbers, connectors, joiners, letters in circles.
bool is_word_character(char32_t c);

}  // namespace slalom
