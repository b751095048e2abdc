#include "slalom/base/numbers.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>

namespace slalom {

namespace {

// Sign, the digits of the largest double before the point, the point; or mantissa and exponent.
constexpr int kLongest = std::numeric_limits<double>::max_exponent10 + 16;

/// to_chars(x, how...) in a string with room for `decimals` digits more than any integer part needs.
template <class T, class... How>
std::string print(T x, int decimals, How... how) {
  if (std::isnan(x)) return "nan";  // to_chars would also print "-nan"
  std::string out(static_cast<std::size_t>(kLongest + decimals), '\0');
  const auto end = std::to_chars(out.data(), out.data() + out.size(), x, how...).ptr;
  out.resize(static_cast<std::size_t>(end - out.data()));
  return out;
}

}  // namespace

std::string shortest(double x) {
  return print(x, 0);
}

std::string shortest(float x) {
  return print(x, 0);
}

std::string fixed(double x, int decimals) {
  return print(x, decimals, std::chars_format::fixed, decimals);
}

std::string fixed_down(double x, int decimals) {
  if (x != 0) decimals = std::max(decimals, 1 - static_cast<int>(std::floor(std::log10(std::abs(x)))));
  const double places = std::pow(10.0, decimals);
  return fixed(std::floor(std::nextafter(x * places, -INFINITY)) / places, decimals);
}

std::string significant(double x, int digits) {
  return print(x, digits, std::chars_format::general, digits);
}

template <class T>
std::optional<T> parse_number(std::string_view text) {
  T number{};
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (stop != end || error != std::errc{} || !std::isfinite(static_cast<double>(number))) return std::nullopt;
  return number;
}

template std::optional<int> parse_number(std::string_view);
template std::optional<std::int64_t> parse_number(std::string_view);
template std::optional<std::uint64_t> parse_number(std::string_view);
template std::optional<double> parse_number(std::string_view);

std::string fingerprint(std::string_view bytes, std::string_view so_far) {
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (const std::string_view part : {so_far, bytes})
    for (const char c : part) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string hex(16, '0');
  for (std::size_t i = 16; i-- > 0; hash >>= 4) hex[i] = kDigits[hash & 15];
  return hex;
}

}  // namespace slalom
