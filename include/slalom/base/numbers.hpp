// Numbers and text, the same whatever the locale. NaN is "nan", infinities are "inf" and "-inf".
#pragma once

#include <charconv>
#include <cmath>
#include <optional>
#include <string>
#include <string_view>

namespace slalom {

/// The fewest digits that read back to the same number: "0.1", "1e+30".
std::string shortest(double x);
std::string shortest(float x);

/// Exactly `decimals` ≥ 0 digits after the point: fixed(2.5, 3) is "2.500".
std::string fixed(double x, int decimals);
/// The same, rounded down: for a lower bound that is to stay one.
std::string fixed_down(double x, int decimals);

/// At most `digits` ≥ 1 significant digits, as %.*g prints them; 17 keep every double, 9 every float.
std::string significant(double x, int digits);

/// The finite number that is all of the text; nullopt for anything else, and for one out of the type's range.
template <class Number>
std::optional<Number> parse_number(std::string_view text) {
  Number number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return std::isfinite(static_cast<double>(number)) ? std::optional(number) : std::nullopt;
}

/// 64-bit FNV-1a of the bytes as 16 hexadecimal digits: tells versions of a file apart, nothing more.
/// `so_far` continues an earlier fingerprint.
std::string fingerprint(std::string_view bytes, std::string_view so_far = {});

inline constexpr int kDoubleDigits = 17;
inline constexpr int kFloatDigits = 9;

}  // namespace slalom
