#include "slalom/report/number_text.hpp"

#include <algorithm>
#include <cmath>

#include "slalom/base/error.hpp"
#include "slalom/base/numbers.hpp"

namespace slalom {

namespace {

const char* const kMinus = "−";
const char* const kNone = "–";

// "0.91" is ".91", "-0.37" is "-.37".
std::string without_zero(std::string number) {
  const std::size_t at = number.starts_with('-') ? 1 : 0;
  if (number.compare(at, 2, "0.") == 0) number.erase(at, 1);
  return number;
}

std::string with_minus(std::string number) {
  if (number.starts_with('-')) number.replace(0, 1, kMinus);
  return number;
}

}  // namespace

std::string signed_number(double x, int decimals) {
  const std::string digits = unsigned_number(std::abs(x), decimals);
  const bool zero = digits.find_first_not_of("0.") == std::string::npos;
  return zero || std::isnan(x) ? digits : (x > 0 ? "+" : kMinus) + digits;
}

std::string unsigned_number(double x, int decimals) {
  if (!std::isfinite(x) || std::abs(x) >= 1e7) return plain_number(x);
  return with_minus(fixed(x, std::abs(x) >= 1000 ? 0 : decimals));
}

std::string plain_number(double x, int digits) {
  if (std::isnan(x)) return kNone;
  if (std::isinf(x)) return x > 0 ? "∞" : concat(kMinus, "∞");
  return with_minus(significant(x, digits));
}

int score_decimals(std::span<const double> scores) {
  double largest = 0;
  for (const double x : scores)
    if (std::isfinite(x)) largest = std::max(largest, std::abs(x));
  if (largest == 0) return 2;
  return std::clamp(2 - static_cast<int>(std::floor(std::log10(largest))), 2, 6);
}

std::string probability_text(double p) {
  if (std::isnan(p)) return kNone;
  if (p < 0.0005) return "< .001";
  if (p >= 0.9995) return "> .999";
  return without_zero(fixed(p, p < 0.0095 || p >= 0.9905 ? 3 : 2));
}

std::string r2_text(double r2) {
  return std::isfinite(r2) ? with_minus(without_zero(fixed(r2, 2))) : plain_number(r2);
}

std::string count_text(Index count) {
  std::string digits = std::to_string(count);
  const Index first = count < 0 ? 1 : 0;
  for (Index at = std::ssize(digits) - 3; at > first; at -= 3)
    digits.insert(static_cast<std::size_t>(at), ",");
  return digits;
}

std::string count_text(Index count, const char* singular, const char* plural) {
  return concat(count_text(count), " ", count == 1 ? singular : plural);
}

}  // namespace slalom
