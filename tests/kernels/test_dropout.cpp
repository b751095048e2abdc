#include "slalom/kernels/dropout.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

#include "../support/dropout_oracle.hpp"

using namespace slalom;

namespace {

std::vector<double> mask_of(const Dropout& dropout, std::uint32_t text, std::uint32_t row, Index n) {
  std::vector<double> mask(static_cast<std::size_t>(n));
  dropout_mask(dropout, text, row, n, mask.data());
  return mask;
}

}  // namespace

TEST_CASE("dropout_mask: element by element what philox says") {
  for (const double rate : {0.1, 0.5, 0.9}) {
    const Dropout dropout{rate, 0x123456789abcdef0, 13};
    for (const Index n : {1, 15, 16, 64, 65, 200, 1000}) {
      const std::vector<double> mask = mask_of(dropout, 3, 7, n);
      std::vector<float> narrow(mask.size());
      dropout_mask(dropout, 3, 7, n, narrow.data());
      for (Index j = 0; j < n; ++j) {
        const double want = test::mask_element(dropout, 3, 7, j);
        REQUIRE(mask[static_cast<std::size_t>(j)] == want);
        REQUIRE(narrow[static_cast<std::size_t>(j)] == static_cast<float>(want));
      }
    }
  }
}

TEST_CASE("dropout_mask: keeps 1 − rate of the elements, within five standard errors, scaled") {
  constexpr Index rows = 400, n = 768;
  for (const double rate : {0.02, 0.1, 0.3, 0.5, 0.95}) {
    Index kept = 0;
    for (std::uint32_t row = 0; row < rows; ++row)
      for (const double x : mask_of({rate, 5, 1}, 0, row, n)) {
        REQUIRE((x == 0 || x == 1 / (1 - rate)));
        kept += x != 0;
      }
    const double expected = (1 - rate) * rows * n, deviation = std::sqrt(rate * expected);
    CHECK(std::abs(static_cast<double>(kept) - expected) < 5 * deviation);
  }
}

TEST_CASE("dropout_mask: n neither changes earlier columns nor writes beyond") {
  const Dropout dropout{0.4, 99, 2};
  const std::vector<double> whole = mask_of(dropout, 1, 2, 300);
  for (const Index n : {1, 17, 63, 64, 130}) {
    std::vector<double> mask(300, -1);
    dropout_mask(dropout, 1, 2, n, mask.data());
    CHECK(std::equal(mask.begin(), mask.begin() + n, whole.begin()));
    CHECK(std::all_of(mask.begin() + n, mask.end(), [](double x) { return x == -1; }));
  }
}

TEST_CASE("dropout_mask: key, site, text and row each give another mask") {
  const std::vector<double> mask = mask_of({0.5, 1, 2}, 3, 4, 256);
  CHECK(mask == mask_of({0.5, 1, 2}, 3, 4, 256));
  CHECK(mask != mask_of({0.5, 9, 2}, 3, 4, 256));
  CHECK(mask != mask_of({0.5, 1, 9}, 3, 4, 256));
  CHECK(mask != mask_of({0.5, 1, 2}, 9, 4, 256));
  CHECK(mask != mask_of({0.5, 1, 2}, 3, 9, 256));
}
