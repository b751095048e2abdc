// exp, erf, tanh and the activations made of them. The float forms are branch-free, so that loops over them
// become vector code; the double forms are the C library's.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <numbers>

namespace slalom {

/// e^x. float: 2 ulp on [−87.3, 88.3], clamped outside; NaN stays NaN.
inline float fast_exp(float x) {
  x = x < -87.3f ? -87.3f : x;
  x = x > 88.3f ? 88.3f : x;
  // x = n ln 2 + r, |r| ≤ ln 2 / 2; adding 1.5 · 2^23 rounds to the integer n and leaves it in the low bits.
  constexpr float kRound = 12582912.0f;
  const float shifted = x * std::numbers::log2e_v<float> + kRound;
  const float n = shifted - kRound;
  const float r = (x - n * 0.693359375f) - n * -2.12194440e-4f;
  // Taylor to r^7 / 7!: its remainder on |r| ≤ 0.347 is below 6e-9.
  float p = 1.0f / 5040;
  p = p * r + 1.0f / 720;
  p = p * r + 1.0f / 120;
  p = p * r + 1.0f / 24;
  p = p * r + 1.0f / 6;
  p = p * r + 0.5f;
  p = p * r + 1.0f;
  p = p * r + 1.0f;
  const std::uint32_t power = (std::bit_cast<std::uint32_t>(shifted) + 127u) << 23;
  return p * std::bit_cast<float>(power);
}
inline double fast_exp(double x) {
  return std::exp(x);
}

/// tanh x. float: relative error below 5e-7 (series below 0.35, 1 − 2 / (e^{2x} + 1) above).
inline float fast_tanh(float x) {
  const float a = std::fabs(x), s = x * x;
  const float series = x * (1 + s * (-1.0f / 3 + s * (2.0f / 15 + s * (-17.0f / 315 + s * (62.0f / 2835)))));
  const float far = 1 - 2 / (fast_exp(2 * a) + 1);
  return a < 0.35f ? series : std::copysign(far, x);
}
inline double fast_tanh(double x) {
  return std::tanh(x);
}

/// Φ(x), the standard normal distribution function, and φ(x), its density.
template <class T>
struct Normal {
  T cumulative, density;
};
/// float: absolute error of Φ below 3.5e-7 (Abramowitz & Stegun 7.1.26, whose exponential is φ's own).
inline Normal<float> normal_distribution(float x) {
  const float a = std::fabs(x) * (std::numbers::sqrt2_v<float> / 2);
  const float e = fast_exp(-a * a);
  const float t = 1 / (1 + 0.3275911f * a);
  const float poly =
      t * (0.254829592f + t * (-0.284496736f + t * (1.421413741f + t * (-1.453152027f + t * 1.061405429f))));
  const float upper = 0.5f * poly * e;  // 1 − Φ(|x|)
  return {x < 0 ? upper : 1 - upper,
          e * (std::numbers::inv_sqrtpi_v<float> * std::numbers::sqrt2_v<float> / 2)};
}
inline Normal<double> normal_distribution(double x) {
  return {0.5 * std::erfc(-x * (std::numbers::sqrt2 / 2)),
          std::exp(-0.5 * x * x) * (std::numbers::inv_sqrtpi * std::numbers::sqrt2 / 2)};
}

/// Elementwise functions that a linear map may end in: f(x) and f′(x).
enum class Activation { none, gelu_erf, gelu_tanh, relu, tanh };

/// gelu_erf: x Φ(x). gelu_tanh: x (1 + tanh u) / 2 with u = √(2/π) (x + 0.044715 x³).
template <Activation A, class T>
T activate(T x) {
  if constexpr (A == Activation::gelu_erf) return x * normal_distribution(x).cumulative;
  if constexpr (A == Activation::gelu_tanh) {
    const T u = T(0.7978845608028654) * (x + T(0.044715) * x * x * x);
    return T(0.5) * x * (1 + fast_tanh(u));
  }
  if constexpr (A == Activation::relu) return x > 0 ? x : (x <= 0 ? T{0} : x);  // NaN stays NaN
  if constexpr (A == Activation::tanh) return fast_tanh(x);
  return x;
}

template <Activation A, class T>
T activate_slope(T x) {
  if constexpr (A == Activation::gelu_erf) {
    const Normal<T> n = normal_distribution(x);
    return n.cumulative + x * n.density;
  }
  if constexpr (A == Activation::gelu_tanh) {
    const T u = T(0.7978845608028654) * (x + T(0.044715) * x * x * x);
    const T t = fast_tanh(u);
    return T(0.5) * (1 + t) + T(0.5) * x * (1 - t * t) * T(0.7978845608028654) * (1 + T(0.134145) * x * x);
  }
  if constexpr (A == Activation::relu) return x > 0 ? T{1} : T{0};
  if constexpr (A == Activation::tanh) {
    const T t = fast_tanh(x);
    return 1 - t * t;
  }
  return T{1};
}

}  // namespace slalom
