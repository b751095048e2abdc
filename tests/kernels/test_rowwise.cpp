#include "slalom/kernels/rowwise.hpp"

#include <doctest/doctest.h>

#include <string>

#include <vector>

#include "../support/compare.hpp"
#include "../support/random_values.hpp"

using namespace slalom;
using test::random_values;
using test::relative_error;

namespace {

template <class T>
constexpr double kTolerance = sizeof(T) == 4 ? 3e-6 : 1e-13;
template <class T>
constexpr T kNan = std::numeric_limits<T>::quiet_NaN();

std::size_t at(Index i) {
  return static_cast<std::size_t>(i);
}

template <class T>
std::vector<double> wide(const std::vector<T>& x) {
  return {x.begin(), x.end()};
}

// What a linear map ends in, from its formula.
double applied(Activation f, double x) {
  const double u = std::sqrt(2 / std::numbers::pi) * (x + 0.044715 * x * x * x);
  switch (f) {
    case Activation::gelu_erf:
      return x * std::erfc(-x / std::sqrt(2.0)) / 2;
    case Activation::gelu_tanh:
      return x * (1 + std::tanh(u)) / 2;
    case Activation::relu:
      return std::max(x, 0.0);
    case Activation::tanh:
      return std::tanh(x);
    default:
      return x;
  }
}

constexpr Activation kActivations[] = {Activation::none, Activation::gelu_erf, Activation::gelu_tanh,
                                       Activation::relu, Activation::tanh};

template <class T>
void check_bias_activation(Activation f, Index R, Index D, bool has_bias) {
  const std::vector<T> x = random_values<T>(R * D, 1), bias = random_values<T>(D, 2);
  const Index first = D / 4, last = D - D / 5;
  std::vector<T> pre = x, post(x.size(), T{-7});
  bias_activation_columns(first, last, R, D, has_bias ? bias.data() : nullptr, f, pre.data(), post.data());
  std::vector<double> want_pre = wide(x), want_post(x.size(), -7);
  for (Index r = 0; r < R; ++r)
    for (Index j = first; j < last; ++j) {
      if (has_bias) want_pre[at(r * D + j)] += static_cast<double>(bias[at(j)]);
      want_post[at(r * D + j)] = applied(f, want_pre[at(r * D + j)]);
    }
  CHECK(relative_error(pre, want_pre) < kTolerance<T>);
  CHECK(relative_error(post, want_post) < kTolerance<T>);
}

template <class T>
void check_bias_activation_backward(Activation f, Index R, Index D, T beta) {
  std::vector<T> pre = random_values<T>(R * D, 3);
  const std::vector<T> dpost = random_values<T>(R * D, 4);
  std::vector<T> dpre = dpost, db = beta == T{0} ? std::vector<T>(at(D), kNan<T>) : random_values<T>(D, 5);
  std::vector<double> want = wide(dpost), sums = beta == T{0} ? std::vector<double>(at(D)) : wide(db);
  constexpr double h = 1e-5;
  for (Index i = 0; i < R * D; ++i) {
    const auto x = static_cast<double>(pre[at(i)]);
    want[at(i)] *= (applied(f, x + h) - applied(f, x - h)) / (2 * h);
    sums[at(i % D)] += want[at(i)];
  }
  bias_activation_backward(R, D, f, pre.data(), dpost.data(), dpre.data(), beta, db.data());
  constexpr double tolerance = sizeof(T) == 4 ? 5e-6 : 1e-9;  // of the differences
  CHECK(relative_error(dpre, want) < tolerance);
  CHECK(relative_error(db, sums) < tolerance);
}

}  // namespace

TEST_CASE_TEMPLATE("bias_activation_columns: its columns, with and without bias", T, float, double) {
  for (const Activation f : kActivations) {
    CAPTURE(static_cast<int>(f));
    check_bias_activation<T>(f, 3, 41, true);
    check_bias_activation<T>(f, 1, 16, false);
  }
}

TEST_CASE_TEMPLATE("bias_activation_columns: pre and post may be one", T, float, double) {
  std::vector<T> x = {1, -2}, both = x;
  const std::vector<T> bias = {T(0.5), T(0.5)};
  bias_activation_columns<T>(0, 2, 1, 2, bias.data(), Activation::relu, both.data(), both.data());
  CHECK(both == std::vector<T>{T(1.5), 0});
}

TEST_CASE_TEMPLATE("bias_activation_backward: slopes and column sums, beta 0 over NaN and beta 1", T, float,
                   double) {
  for (const Activation f : kActivations)
    for (const T beta : {T{0}, T{1}}) {
      CAPTURE(static_cast<int>(f));
      check_bias_activation_backward<T>(f, 5, 3, beta);
      check_bias_activation_backward<T>(f, 33, 130, beta);
    }
  std::vector<T> dy = {2, 3};
  const std::vector<T> u = {1, -1};
  bias_activation_backward<T>(1, 2, Activation::relu, u.data(), dy.data(), dy.data(), T{0}, nullptr);
  CHECK(dy == std::vector<T>{2, 0});
}

TEST_CASE_TEMPLATE("accumulate: copies over NaN or adds", T, float, double) {
  const Index n = 20000;
  const std::vector<T> x = random_values<T>(n, 1), start = random_values<T>(n, 2);
  std::vector<T> y(x.size(), kNan<T>);
  accumulate(n, x.data(), T{0}, y.data());
  CHECK(y == x);
  y = start;
  accumulate(n, x.data(), T{1}, y.data());
  for (std::size_t i = 0; i < y.size(); ++i) REQUIRE(y[i] == start[i] + x[i]);
}

namespace {

// Mean, 1 / √(variance + eps) and the normalised rows, in double.
struct NaiveNorm {
  std::vector<double> mean, rstd, normalised;
  NaiveNorm(const std::vector<double>& x, Index R, Index D, double eps) : normalised(x) {
    for (Index r = 0; r < R; ++r) {
      double m = 0, variance = 0;
      for (Index j = 0; j < D; ++j) m += x[at(r * D + j)] / static_cast<double>(D);
      for (Index j = 0; j < D; ++j) variance += std::pow(x[at(r * D + j)] - m, 2) / static_cast<double>(D);
      mean.push_back(m);
      rstd.push_back(1 / std::sqrt(variance + eps));
      for (Index j = 0; j < D; ++j) normalised[at(r * D + j)] = (x[at(r * D + j)] - m) * rstd.back();
    }
  }
};

template <class T>
struct NormCase {
  Index R, D;
  std::vector<T> x = random_values<T>(R * D, 1), weight = random_values<T>(D, 2),
                 bias = random_values<T>(D, 3), dy = random_values<T>(R * D, 4);
  std::vector<T> y = std::vector<T>(x.size(), kNan<T>), mean = std::vector<T>(at(R)), rstd = mean;
  static constexpr double kEps = 1e-5;

  NormCase(Index rows, Index columns) : R(rows), D(columns) {
    layer_norm<T>(R, D, x.data(), weight.data(), bias.data(), T(kEps), y.data(), mean.data(), rstd.data());
  }
};

template <class T>
void check_layer_norm(Index R, Index D) {
  CAPTURE(R);
  CAPTURE(D);
  const NormCase<T> c(R, D);
  const NaiveNorm naive(wide(c.x), R, D, NormCase<T>::kEps);
  std::vector<double> want = naive.normalised;
  for (Index i = 0; i < R * D; ++i)
    want[at(i)] =
        want[at(i)] * static_cast<double>(c.weight[at(i % D)]) + static_cast<double>(c.bias[at(i % D)]);
  CHECK(relative_error(c.y, want) < kTolerance<T>);
  CHECK(relative_error(c.rstd, naive.rstd) < kTolerance<T>);
  CHECK(relative_error(c.mean, naive.mean) < 10 * kTolerance<T>);
}

// dx by the quotient rule in full: Σ_j g_j ∂x̂_j/∂x_i with ∂x̂_j/∂x_i = rstd ([i = j] − 1/D − x̂_i x̂_j / D).
template <class T>
void check_layer_norm_backward(Index R, Index D, T beta) {
  const NormCase<T> c(R, D);
  const NaiveNorm naive(wide(c.x), R, D, NormCase<T>::kEps);
  std::vector<double> dx(c.x.size()), dw(at(D), beta == T{0} ? 0 : 2), db(at(D), beta == T{0} ? 0 : 3);
  for (Index r = 0; r < R; ++r)
    for (Index j = 0; j < D; ++j) {
      const auto g = static_cast<double>(c.dy[at(r * D + j)]);
      const double xj = naive.normalised[at(r * D + j)], n = static_cast<double>(D);
      dw[at(j)] += g * xj;
      db[at(j)] += g;
      for (Index i = 0; i < D; ++i)
        dx[at(r * D + i)] += g * static_cast<double>(c.weight[at(j)]) * naive.rstd[at(r)] *
                             ((i == j) - 1 / n - naive.normalised[at(r * D + i)] * xj / n);
    }
  std::vector<T> got(c.x.size(), kNan<T>), got_w(at(D), beta == T{0} ? kNan<T> : T{2}),
      got_b(at(D), beta == T{0} ? kNan<T> : T{3}), scratch(at(layer_norm_scratch(R, D)), kNan<T>);
  layer_norm_backward(R, D, c.x.data(), c.weight.data(), c.mean.data(), c.rstd.data(), c.dy.data(),
                      got.data(), beta, got_w.data(), beta, got_b.data(), scratch.data());
  CHECK(relative_error(got, dx) < kTolerance<T>);
  CHECK(relative_error(got_w, dw) < kTolerance<T>);
  CHECK(relative_error(got_b, db) < kTolerance<T>);
}

}  // namespace

TEST_CASE_TEMPLATE("layer_norm and its gradients, odd shapes, beta 0 over NaN and beta 1", T, float, double) {
  for (const auto& [R, D] : {std::pair<Index, Index>{1, 5}, {2, 17}, {16, 64}, {17, 65}, {50, 130}}) {
    check_layer_norm<T>(R, D);
    check_layer_norm_backward<T>(R, D, T{0});
    check_layer_norm_backward<T>(R, D, T{1});
  }
}

TEST_CASE_TEMPLATE("layer_norm: a large common offset does not ruin the variance", T, float, double) {
  const std::vector<T> x = {1000, 1001, 1002, 1003}, one(4, T{1}), zero(4, T{0});
  std::vector<T> y(4), mean(1), rstd(1);
  layer_norm<T>(1, 4, x.data(), one.data(), zero.data(), T(1e-12), y.data(), mean.data(), rstd.data());
  const double unit = 1 / std::sqrt(1.25 + 1e-12);  // 1.25: variance of 0, 1, 2, 3
  CHECK(relative_error(y, std::vector<double>{-1.5 * unit, -0.5 * unit, 0.5 * unit, 1.5 * unit}) <
        kTolerance<T>);
}

TEST_CASE_TEMPLATE("softmax_row: values and log of the sum, in place too", T, float, double) {
  for (const Index n : {1, 2, 17, 33, 300}) {
    std::vector<T> x = random_values<T>(n, 1), p(x.size(), kNan<T>);
    double sum = 0;
    for (const T v : x) sum += std::exp(static_cast<double>(v));
    std::vector<double> want;
    for (const T v : x) want.push_back(std::exp(static_cast<double>(v)) / sum);
    CHECK(relative_error(static_cast<double>(softmax_row(n, x.data(), p.data())), std::log(sum)) <
          kTolerance<T>);
    CHECK(relative_error(p, want) < kTolerance<T>);
    softmax_row(n, x.data(), x.data());
    CHECK(x == p);
  }
}

TEST_CASE_TEMPLATE("softmax_row: large numbers, equal numbers, NaN", T, float, double) {
  std::vector<T> x = {T(1e4), T(1e4), T(-1e4)}, p(3);
  const T log_sum = softmax_row<T>(3, x.data(), p.data());
  CHECK(relative_error(static_cast<double>(log_sum), 1e4 + std::log(2.0)) < kTolerance<T>);
  CHECK(p[0] == T(0.5));
  CHECK(p[1] == T(0.5));
  CHECK(p[2] < T(1e-30));
  x[1] = kNan<T>;
  softmax_row<T>(3, x.data(), p.data());
  CHECK(std::isnan(p[1]));
}

TEST_CASE_TEMPLATE("softmax_row_backward: the full Jacobian, beta 0 over NaN and beta 1", T, float, double) {
  for (const Index n : {1, 5, 33})
    for (const T beta : {T{0}, T{1}}) {
      const std::vector<T> x = random_values<T>(n, 1), dp = random_values<T>(n, 2);
      std::vector<T> p(x.size()), dx(x.size(), beta == T{0} ? kNan<T> : T{2});
      softmax_row(n, x.data(), p.data());
      std::vector<double> want(x.size(), beta == T{0} ? 0 : 2);
      for (Index i = 0; i < n; ++i)
        for (Index m = 0; m < n; ++m)
          want[at(i)] += static_cast<double>(dp[at(m)]) * static_cast<double>(p[at(m)]) *
                         ((m == i) - static_cast<double>(p[at(i)]));
      softmax_row_backward(n, p.data(), dp.data(), beta, dx.data());
      if (n > 1 || beta == T{1}) CHECK(relative_error(dx, want) < kTolerance<T>);
      if (n == 1) CHECK(std::abs(static_cast<double>(dx[0]) - want[0]) < 1e-6);
    }
}
