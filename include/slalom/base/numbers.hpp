// Numbers and text, the same whatever the locale. NaN is "nan", infinities are "inf" and "-inf".
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace slalom {

/// The fewest digits that read back to the same number: "0.1", "1e+30".
std::string shortest(double x);
std::string shortest(float x);

/// Exactly `decimals` ≥ 0 digits after the point: fixed(2.5, 3) is "2.500".
std::string fixed(double x, int decimals);
/// The same, rounded down, for a lower bound that is to stay one; more digits where two would not be seen.
std::string fixed_down(double x, int decimals);

/// At most `digits` ≥ 1 significant digits, as %.*g prints them; 17 keep every double, 9 every float.
std::string significant(double x, int digits);

/// The finite number that is all of the text; nullopt for anything else (a space or a plus, too), and for one
/// out of the range of T: int, std::int64_t, std::uint64_t or double.
template <class T>
std::optional<T> parse_number(std::string_view text);

/// 64-bit FNV-1a of the bytes as 16 hexadecimal digits: tells versions of a file apart, nothing more.
/// `so_far` continues an earlier fingerprint.
std::string fingerprint(std::string_view bytes, std::string_view so_far = {});
/// Of numbers as they are in memory.
template <class T>
std::string fingerprint_of_numbers(std::span<const T> numbers, std::string_view so_far = {}) {
  return fingerprint({reinterpret_cast<const char*>(numbers.data()), numbers.size_bytes()}, so_far);
}

inline constexpr int kDoubleDigits = 17;
inline constexpr int kFloatDigits = 9;

}  // namespace slalom
