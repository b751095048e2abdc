#include "slalom/base/random.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <set>

using namespace slalom;

TEST_CASE("philox: the known answers of the Random123 distribution") {
  CHECK(philox({0, 0, 0, 0}, 0) == PhiloxBlock{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  constexpr std::uint32_t ones = 0xffffffff;
  CHECK(philox({ones, ones, ones, ones}, 0xffffffffffffffff) ==
        PhiloxBlock{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  // The digits of pi; the key's first word is its low half.
  CHECK(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, 0x299f31d0a4093822) ==
        PhiloxBlock{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("streams: purposes keep their numbers, which results depend on") {
  const auto number = [](Purpose purpose) { return static_cast<std::uint32_t>(purpose); };
  CHECK(number(Purpose::data) == 1);
  CHECK(number(Purpose::test) == 6);
  CHECK(number(Purpose::audit) == 10);
  CHECK(number(Purpose::back_off) == 11);
}

TEST_CASE("streams: a function of seed, purpose and index, all different") {
  std::set<std::uint64_t> keys;
  for (std::uint64_t seed = 0; seed < 10; ++seed)
    for (const Purpose purpose : {Purpose::data, Purpose::dropout, Purpose::test})
      for (std::uint64_t index = 0; index < 10; ++index) keys.insert(stream_key(seed, purpose, index));
  CHECK(keys.size() == 300);
  Rng a(7, Purpose::data, 3), b(7, Purpose::data, 3);
  for (int i = 0; i < 100; ++i) REQUIRE(a.bits() == b.bits());
}

TEST_CASE("Rng: bits are the words of philox, block after block") {
  Rng rng(5, Purpose::test, 2);
  const std::uint64_t key = stream_key(5, Purpose::test, 2);
  for (std::uint32_t block = 0; block < 3; ++block)
    for (const std::uint32_t word : philox({block, 0, 0, 0}, key)) CHECK(rng.bits() == word);
}

TEST_CASE("uniform and normal: moments within five standard errors") {
  constexpr int n = 200000;
  const double root = std::sqrt(n);
  Rng rng(1, Purpose::test);
  double sum = 0, z1 = 0, z2 = 0, z4 = 0;
  for (int i = 0; i < n; ++i) {
    const double u = rng.uniform(), z = rng.normal();
    REQUIRE((u >= 0 && u < 1));
    sum += u;
    z1 += z;
    z2 += z * z;
    z4 += z * z * z * z;
  }
  // Variances of u, z, z², z⁴: 1/12, 1, 2, 105 − 9.
  CHECK(std::abs(sum / n - 0.5) < 5 * std::sqrt(1 / 12.0) / root);
  CHECK(std::abs(z1 / n) < 5 / root);
  CHECK(std::abs(z2 / n - 1) < 5 * std::sqrt(2.0) / root);
  CHECK(std::abs(z4 / n - 3) < 5 * std::sqrt(96.0) / root);
}

TEST_CASE("below: every value, none favoured") {
  constexpr int n = 60000;
  Rng rng(3, Purpose::test);
  int count[6] = {};
  for (int i = 0; i < n; ++i) {
    const std::uint32_t value = rng.below(6);
    REQUIRE(value < 6);
    ++count[value];
  }
  for (const int c : count) CHECK(std::abs(c - n / 6) < 5 * std::sqrt(n / 6.0 * 5 / 6));
  CHECK(rng.below(1) == 0);
  // 3 · 2^30 of 2^32 values: without rejection the lower third would come twice as often.
  int low = 0;
  for (int i = 0; i < n; ++i) low += rng.below(3u << 30) < 1u << 30;
  CHECK(std::abs(low - n / 3) < 5 * std::sqrt(n / 3.0 * 2 / 3));
}
