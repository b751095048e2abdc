#include "slalom/kernels/bf16_gemm.hpp"

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "../support/compare.hpp"
#include "../support/random_values.hpp"
#include "slalom/kernels/gemm.hpp"

using namespace slalom;
using test::random_values;

namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

float value(Bf16 x) {
  return std::bit_cast<float>(std::uint32_t{x} << 16);
}

std::vector<float> product(Index m, Index n, Index k, const std::vector<float>& x,
                           const std::vector<float>& w, Bf16Unit unit) {
  const Bf16Weight weight(n, k, w.data());
  const MappedMemory tiles(static_cast<std::size_t>(rounded_size(m, k)) * sizeof(Bf16));
  round_factor(m, k, x.data(), tiles.as<Bf16>().data());
  std::vector<float> y(static_cast<std::size_t>(m * n), NAN);
  for_each_gemm_block(m, n, [&](const GemmBlock& block) {
    bf16_gemm_block(block, tiles.as<Bf16>().data(), weight, y.data(), unit);
  });
  return y;
}

// Which of two NaN comes out is not said.
bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return std::ranges::equal(a, b, [](float p, float q) {
    return std::bit_cast<std::uint32_t>(p) == std::bit_cast<std::uint32_t>(q) ||
           (std::isnan(p) && std::isnan(q));
  });
}

struct Size {
  Index m, n, k;
};
constexpr Size kSizes[] = {{1, 1, 1},    {3, 5, 7},     {16, 16, 32},   {17, 33, 31},
                           {33, 65, 97}, {129, 70, 64}, {130, 385, 63}, {200, 96, 768}};

bool has_tiles() {
  if (bf16_unit() == Bf16Unit::amx) return true;
  MESSAGE("skipped: the processor has no AMX tiles for bf16");
  return false;
}

// Factors of all magnitudes up to 2^±`exponents`, some of them zero or denormal, infinite or NaN.
std::vector<float> wild_values(Index n, int exponents, std::uint64_t seed) {
  Rng rng(seed, Purpose::test);
  std::vector<float> values(static_cast<std::size_t>(n));
  for (float& x : values) {
    const std::uint32_t kind = rng.below(400);
    x = std::ldexp(static_cast<float>(rng.normal()), static_cast<int>(rng.below(2 * exponents)) - exponents);
    if (kind < 40) x = kind < 20 ? 0.0f : -0x1p-130f;
    if (kind == 40) x = -kInfinity;
    if (kind == 41) x = NAN;
  }
  return values;
}

}  // namespace

TEST_CASE("bf16: numbers are rounded to the nearest, of two to the even one") {
  CHECK(value(to_bf16(1.0f)) == 1.0f);
  CHECK(value(to_bf16(-3.140625f)) == -3.140625f);
  CHECK(value(to_bf16(1 + 0x1p-8f)) == 1.0f);           // between 1 and 1 + 2⁻⁷
  CHECK(value(to_bf16(1 + 0x1.8p-7f)) == 1 + 0x1p-6f);  // between 1 + 2⁻⁷ and 1 + 2⁻⁶
  CHECK(value(to_bf16(1 + 0x1.01p-8f)) == 1 + 0x1p-7f);
  CHECK(value(to_bf16(0x1.ffp127f)) == kInfinity);
  CHECK(value(to_bf16(-kInfinity)) == -kInfinity);
  CHECK(std::isnan(value(to_bf16(NAN))));
  CHECK(std::isnan(value(to_bf16(std::bit_cast<float>(0x7F800001u)))));  // its upper half is infinity's
}

TEST_CASE("bf16: products are those of the rounded factors") {
  for (const Bf16Unit unit : {Bf16Unit::emulated, bf16_unit()})
    for (const auto& [m, n, k] : kSizes) {
      const std::vector<float> x = random_values<float>(m * k, 1), w = random_values<float>(n * k, 2);
      std::vector<double> want;
      for (Index i = 0; i < m; ++i)
        for (Index j = 0; j < n; ++j) {
          double sum = 0;
          for (Index l = 0; l < k; ++l)
            sum += static_cast<double>(value(to_bf16(x[static_cast<std::size_t>(i * k + l)]))) *
                   static_cast<double>(value(to_bf16(w[static_cast<std::size_t>(j * k + l)])));
          want.push_back(sum);
        }
      CAPTURE(m);
      CHECK(test::relative_error(product(m, n, k, x, w, unit), want) <= 1e-6);
    }
}

// One row and 64 columns, of which all but these are 0.
float dot(std::initializer_list<std::array<float, 3>> terms, Bf16Unit unit) {
  std::vector<float> x(64), w(64);
  for (const auto& [column, a, b] : terms) {
    x[static_cast<std::size_t>(column)] = a;
    w[static_cast<std::size_t>(column)] = b;
  }
  return product(1, 1, 64, x, w, unit)[0];
}

TEST_CASE("bf16: sums have one order, and what is too small for a float is zero") {
  constexpr float kBig = 0x1p60f;
  for (const Bf16Unit unit : {Bf16Unit::emulated, bf16_unit()}) {
    // 2⁶⁰ + 1 = 2⁶⁰: what is added before the big numbers have cancelled is lost.
    CHECK(dot({{0, kBig, 1}, {2, 1, 1}, {4, -kBig, 1}}, unit) == 0);
    CHECK(dot({{0, kBig, 1}, {1, 1, 1}, {2, -kBig, 1}}, unit) == 1);   // odd columns are summed apart
    CHECK(dot({{0, kBig, 1}, {1, 1, 1}, {33, -kBig, 1}}, unit) == 0);  // and added after 32 columns
    CHECK(dot({{0, kBig, 1}, {4, -kBig, 1}, {32, 1, 1}}, unit) == 1);
    CHECK(dot({{0, 0x1p-100f, 0x1p-27f}}, unit) == 0);
    CHECK(dot({{0, 0x1p-127f, 0x1p100f}}, unit) == 0);
    // 2⁻¹²⁶ − 0.75 · 2⁻¹⁵⁰ is below 2⁻¹²⁶ when it has 24 digits, 2⁻¹²⁶ − 2⁻¹⁵² is not.
    CHECK(dot({{0, 0x1p-63f, 0x1p-63f}, {2, -0x1.8p-76f, 0x1p-75f}}, unit) == 0);
    CHECK(dot({{0, 0x1p-63f, 0x1p-63f}, {2, -0x1p-77f, 0x1p-75f}}, unit) == 0x1p-126f);
    CHECK(dot({{3, kInfinity, -2}, {40, 1, 1}}, unit) == -kInfinity);
    CHECK(std::isnan(dot({{3, kInfinity, 0}}, unit)));
  }
}

TEST_CASE("bf16: tiles and their emulation give the same bits") {
  if (!has_tiles()) return;
  for (const int exponents : {2, 70})
    for (const auto& [m, n, k] : kSizes) {
      const std::vector<float> x = wild_values(m * k, exponents, 1), w = wild_values(n * k, exponents, 2);
      CAPTURE(m);
      CHECK(same_bits(product(m, n, k, x, w, Bf16Unit::amx), product(m, n, k, x, w, Bf16Unit::emulated)));
    }
}

TEST_CASE("bf16: any number of threads gives the same bits") {
  for (const auto& [m, n, k] : kSizes) {
    const std::vector<float> x = random_values<float>(m * k, 1), w = random_values<float>(n * k, 2);
    set_threads(1);
    const std::vector<float> alone = product(m, n, k, x, w, bf16_unit());
    set_threads(2);
    CHECK(same_bits(product(m, n, k, x, w, bf16_unit()), alone));
    set_threads(0);
  }
}
