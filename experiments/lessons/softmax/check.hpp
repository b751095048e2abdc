// Whether a function is softmax's backward pass: against central differences of a loss Σ c_j p_j.
#pragma once

#include <cmath>
#include <numeric>
#include <string>
#include <vector>

using SoftmaxBackward = void (*)(std::size_t n, const double* p, const double* dp, double* dx);

/// What is wrong, or nothing.
inline std::vector<std::string> softmax_problems(SoftmaxBackward backward) {
  const std::vector<double> x = {0.3, -1.2, 2.1, 0.4}, c = {1.5, -0.7, 0.2, 2.0};
  const auto softmax = [](const std::vector<double>& of) {
    std::vector<double> p;
    double sum = 0;
    for (const double value : of) sum += std::exp(value);
    for (const double value : of) p.push_back(std::exp(value) / sum);
    return p;
  };
  const auto loss = [&](std::vector<double> at, std::size_t i, double step) {
    at[i] += step;
    double sum = 0;
    for (std::size_t j = 0; const double p : softmax(at)) sum += c[j++] * p;
    return sum;
  };
  constexpr double kStep = 1e-5, kTolerance = 1e-8;
  std::vector<double> dx(x.size());
  backward(x.size(), softmax(x).data(), c.data(), dx.data());
  std::vector<std::string> problems;
  const double sum = std::accumulate(dx.begin(), dx.end(), 0.0);
  if (!(std::abs(sum) < kTolerance))
    problems.push_back("hint: the sum of dx is " + std::to_string(sum) +
                       ", wanted 0, because p stays as it is when every x grows by the same");
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double wanted = (loss(x, i, kStep) - loss(x, i, -kStep)) / (2 * kStep);
    if (!(std::abs(dx[i] - wanted) < kTolerance))
      problems.push_back("dx[" + std::to_string(i) + "] is " + std::to_string(dx[i]) +
                         ", a small step of x[" + std::to_string(i) + "] says " + std::to_string(wanted));
  }
  return problems;
}
