#include <doctest/doctest.h>

#include <cmath>
#include <cstdlib>
#include <limits>

#include "slalom/base/numbers.hpp"

namespace slalom {

TEST_CASE("shortest: the fewest digits that read back") {
  CHECK(shortest(0.1) == "0.1");
  CHECK(shortest(0.1F) == "0.1");
  CHECK(shortest(0.1 + 0.2) == "0.30000000000000004");  // the double above 0.3
  CHECK(shortest(-0.0) == "-0");
  CHECK(shortest(1e30) == "1e+30");
  CHECK(shortest(16777216.0F) == "16777216");  // 2^24
  for (double x : {1.0 / 3, 5e-324, std::numeric_limits<double>::max(), -2.0 / 7})
    CHECK(std::strtod(shortest(x).c_str(), nullptr) == x);
}

TEST_CASE("fixed: digits after the point, ties to even") {
  CHECK(fixed(2.5, 3) == "2.500");
  CHECK(fixed(0.125, 2) == "0.12");  // 0.125 = 2^-3 is exact: the tie goes to the even 2
  CHECK(fixed(-1.0, 0) == "-1");
  CHECK(fixed(std::numeric_limits<double>::max(), 2).size() == 309 + 3);  // 1.8e308 has 309 digits
}

TEST_CASE("fixed_down: never above the number") {
  CHECK(fixed_down(1.23456, 4) == "1.2345");
  CHECK(fixed_down(-1.23451, 4) == "-1.2346");
  CHECK(fixed_down(0.3, 1) == "0.29");  // 0.3 is below 3/10 in double
  CHECK(fixed_down(1.739e-5, 4) == "0.000017");
  CHECK(fixed_down(-1.739e-5, 4) == "-0.000018");
  CHECK(fixed_down(4.99999999, 2) == "4.99");
}

TEST_CASE("significant: as %.*g") {
  CHECK(significant(0.1, kDoubleDigits) == "0.10000000000000001");  // 0.1 + 5.55e-18
  CHECK(significant(0.1F, kFloatDigits) == "0.100000001");          // float(0.1) = 0.1 + 1.49e-9
  CHECK(significant(1234567.0, 3) == "1.23e+06");
  CHECK(significant(0.5, 17) == "0.5");
  CHECK(significant(5e-324, 17) == "4.9406564584124654e-324");  // 2^-1074
}

TEST_CASE("numbers that are none") {
  const double nan = std::nan(""), inf = std::numeric_limits<double>::infinity();
  for (double x : {nan, -nan}) {
    CHECK(shortest(x) == "nan");
    CHECK(fixed(x, 2) == "nan");
    CHECK(significant(x, 9) == "nan");
  }
  CHECK(shortest(-inf) == "-inf");
  CHECK(fixed(inf, 2) == "inf");
  CHECK(significant(inf, 9) == "inf");
  CHECK(shortest(std::numeric_limits<float>::infinity()) == "inf");
}

TEST_CASE("numbers: a text is a number as a whole or not at all") {
  CHECK(parse_number<int>("-12") == -12);
  CHECK(parse_number<std::uint64_t>("18446744073709551615") == UINT64_MAX);
  CHECK(parse_number<double>("1e-3") == 1e-3);
  for (const char* none : {"", " 1", "1 ", "+1", "1x", "0x10", "one"}) {
    CHECK_FALSE(parse_number<std::int64_t>(none));
    CHECK_FALSE(parse_number<double>(none));
  }
  CHECK_FALSE(parse_number<int>("2147483648"));
  CHECK_FALSE(parse_number<int>("1.5"));
  CHECK_FALSE(parse_number<std::uint64_t>("-1"));
}

}  // namespace slalom
