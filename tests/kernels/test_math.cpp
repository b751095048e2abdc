#include "slalom/kernels/math.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <string>
#include <vector>

#include "../support/compare.hpp"

using namespace slalom;

namespace {

// Evenly spaced numbers, and f of them computed in one loop, as the kernels call it.
std::vector<float> sweep(float first, float last, int n) {
  std::vector<float> x(static_cast<std::size_t>(n));
  for (int i = 0; i < n; ++i)
    x[static_cast<std::size_t>(i)] =
        first + (last - first) * static_cast<float>(i) / static_cast<float>(n - 1);
  return x;
}

template <class F>
std::vector<float> mapped(const std::vector<float>& x, const F& f) {
  std::vector<float> y(x.size());
#pragma omp simd
  for (std::size_t i = 0; i < x.size(); ++i) y[i] = f(x[i]);
  return y;
}

double float_ulp(double x) {
  const auto f = static_cast<float>(x);
  return static_cast<double>(std::nextafter(f, INFINITY)) - static_cast<double>(f);
}

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

}  // namespace

TEST_CASE("fast_exp: 2 ulp between its clamps") {
  const std::vector<float> x = sweep(-87.3f, 88.3f, 1'000'000);
  const std::vector<float> y = mapped(x, [](float v) { return fast_exp(v); });
  double worst = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double want = std::exp(static_cast<double>(x[i]));
    worst = std::max(worst, std::abs(static_cast<double>(y[i]) - want) / float_ulp(want));
  }
  CHECK(worst <= 2);
  CHECK(worst > 0.5);  // the sweep saw rounding
}

TEST_CASE("fast_exp: clamps, NaN, 0") {
  CHECK(fast_exp(0.0f) == 1);
  for (const float x : {-87.4f, -1000.0f, -kInf}) CHECK(fast_exp(x) == fast_exp(-87.3f));
  for (const float x : {88.4f, 1000.0f, kInf}) CHECK(fast_exp(x) == fast_exp(88.3f));
  CHECK(fast_exp(-kInf) < 1.3e-38f);
  CHECK(std::isfinite(fast_exp(kInf)));
  CHECK(std::isnan(fast_exp(kNan)));
  CHECK(std::isnan(fast_exp(-kNan)));
}

TEST_CASE("fast_tanh: relative error below 5e-7, and ±1 far out") {
  for (const auto& [first, last] : {std::pair{-10.0f, 10.0f}, {-0.36f, 0.36f}, {1e-30f, 1e-3f}}) {
    const std::vector<float> x = sweep(first, last, 500'000);
    const std::vector<float> y = mapped(x, [](float v) { return fast_tanh(v); });
    double worst = 0;
    for (std::size_t i = 0; i < x.size(); ++i)
      worst = std::max(worst, test::relative_error(y[i], std::tanh(static_cast<double>(x[i]))));
    CHECK(worst < 5e-7);
  }
  CHECK(fast_tanh(0.0f) == 0);
  CHECK(fast_tanh(kInf) == 1);
  CHECK(fast_tanh(-kInf) == -1);
  CHECK(std::isnan(fast_tanh(kNan)));
}

TEST_CASE("normal_distribution: absolute error below 3.5e-7") {
  const std::vector<float> x = sweep(-14, 14, 1'000'000);
  const std::vector<float> cumulative = mapped(x, [](float v) { return normal_distribution(v).cumulative; }),
                           density = mapped(x, [](float v) { return normal_distribution(v).density; });
  double worst = 0, worst_density = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const auto v = static_cast<double>(x[i]);
    const double want = 0.5 * std::erfc(-v / std::sqrt(2.0)),
                 phi = std::exp(-v * v / 2) / std::sqrt(2 * std::numbers::pi);
    worst = std::max(worst, std::abs(static_cast<double>(cumulative[i]) - want));
    worst_density = std::max(worst_density, std::abs(static_cast<double>(density[i]) - phi));
  }
  CHECK(worst < 3.5e-7);
  CHECK(worst_density < 3.5e-7);
  CHECK(std::isnan(normal_distribution(kNan).cumulative));
  CHECK(normal_distribution(40.0f).cumulative == 1);
  CHECK(normal_distribution(-40.0f).cumulative < 1e-30f);
}

TEST_CASE("normal_distribution: double is the C library's") {
  CHECK(test::relative_error(normal_distribution(-1.0).cumulative, 0.15865525393145707) < 1e-15);
  CHECK(test::relative_error(normal_distribution(-10.0).cumulative, 7.619853024160527e-24) < 1e-13);
  CHECK(test::relative_error(normal_distribution(0.0).density, 0.3989422804014327) < 1e-15);
}

namespace {

// Float within 1e-6 of double, and the double slope equal to a central difference.
template <Activation A>
void check_activation() {
  CAPTURE(static_cast<int>(A));
  for (double x = -6.033; x < 6; x += 0.01) {
    CAPTURE(x);
    constexpr double h = 1e-5;
    const double slope = (activate<A>(x + h) - activate<A>(x - h)) / (2 * h), scale = 1 + std::abs(x);
    REQUIRE(std::abs(activate_slope<A>(x) - slope) < 1e-9 * scale);
    const auto narrow = static_cast<float>(x);
    const auto near = static_cast<double>(narrow);
    REQUIRE(std::abs(static_cast<double>(activate<A>(narrow)) - activate<A>(near)) < 1e-6 * scale);
    REQUIRE(std::abs(static_cast<double>(activate_slope<A>(narrow)) - activate_slope<A>(near)) <
            3e-6 * scale);
  }
  if (A != Activation::none) CHECK(activate<A>(0.0) == 0);
  CHECK(std::isnan(activate<A>(kNan)));
}

}  // namespace

TEST_CASE("activations: values, slopes and NaN") {
  check_activation<Activation::none>();
  check_activation<Activation::gelu_erf>();
  check_activation<Activation::gelu_tanh>();
  check_activation<Activation::relu>();
  check_activation<Activation::tanh>();
  // x Φ(x) at 1 is Φ(1); the tanh form there, from PyTorch.
  CHECK(test::relative_error(activate<Activation::gelu_erf>(1.0), 0.8413447460685429) < 1e-15);
  CHECK(test::relative_error(activate<Activation::gelu_tanh>(1.0), 0.8411919906082768) < 1e-14);
  CHECK(activate<Activation::relu>(-2.0) == 0);
  CHECK(activate<Activation::relu>(2.0) == 2);
}
