// dp_j / dx_i = p_j ([i = j] - p_i), so dx_i = p_i (dp_i - sum of p_j dp_j).
#include <cstddef>

inline void softmax_backward(std::size_t n, const double* p, const double* dp, double* dx) {
  double mean = 0;
  for (std::size_t j = 0; j < n; ++j) mean += p[j] * dp[j];
  for (std::size_t i = 0; i < n; ++i) dx[i] = p[i] * (dp[i] - mean);
}
