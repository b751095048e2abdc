#include "slalom/kernels/panel_gemm.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace slalom {

#ifdef __AVX512F__

namespace {

constexpr int kLanes = 16;
// As GCC's vectors: 14 rows of 2 are 28 of the 32 registers.
typedef float Lanes __attribute__((vector_size(64), aligned(4)));
typedef int Places __attribute__((vector_size(64)));
constexpr Index kRows = 14, kStrip = 2 * kLanes;
constexpr Index kPanel = 6 * kStrip, kMostSteps = 448;  // of B, which then stay in the second cache

// Steps of k until a sum is added to C, as in OpenBLAS.
Index steps(Index left) {
  return left >= 2 * kMostSteps ? kMostSteps : left > kMostSteps ? ceil_div(left / 2, kLanes) * kLanes : left;
}

// v ← its transpose: numbers that differ in one bit of row and column are exchanged, bit by bit.
void transpose(Lanes (&v)[kLanes]) {
#pragma GCC unroll 4
  for (int bit = 1; bit < kLanes; bit *= 2) {
    Places low, high;
    for (int j = 0; j < kLanes; ++j) {
      low[j] = (j & bit) != 0 ? kLanes + j - bit : j;
      high[j] = (j & bit) != 0 ? kLanes + j : j + bit;
    }
#pragma GCC unroll 16
    for (int i = 0; i < kLanes; ++i) {
      if ((i & bit) != 0) continue;
      const Lanes x = v[i], y = v[i + bit];
      v[i] = __builtin_shuffle(x, y, low);
      v[i + bit] = __builtin_shuffle(x, y, high);
    }
  }
}

Lanes& lanes(float* p) {
  return *reinterpret_cast<Lanes*>(p);
}
const Lanes& lanes(const float* p) {
  return *reinterpret_cast<const Lanes*>(p);
}

// to ← columns of B (k, width), one strip (k, kStrip) after the other.
void copy_panel(Index k, Index width, const float* b, Index stride, bool transposed, float* to) {
  if (!transposed) {
    for (Index l = 0; l < k; ++l)
      for (Index j = 0; j < width; j += kStrip)
        std::copy_n(b + l * stride + j, kStrip, to + j * k + l * kStrip);
    return;
  }
  for (Index j = 0; j < width; j += kLanes) {
    const float* from = b + j * stride;
    float* half = to + j / kStrip * kStrip * k + j % kStrip;
    Index l = 0;
    for (; l + kLanes <= k; l += kLanes) {
      Lanes v[kLanes];
      for (Index i = 0; i < kLanes; ++i) {
        v[i] = lanes(from + i * stride + l);
        __builtin_prefetch(from + i * stride + l + 4 * kLanes);  // its rows are too many for the hardware
      }
      transpose(v);
      for (Index i = 0; i < kLanes; ++i) lanes(half + (l + i) * kStrip) = v[i];
    }
    for (; l < k; ++l)
      for (Index i = 0; i < kLanes; ++i) half[l * kStrip + i] = from[i * stride + l];
  }
}

template <int ROWS>
void tile(Index k, Strided<float> a, const float* b, float beta, float* c, Index c_stride) {
  Lanes sum[ROWS][2] = {};
  for (Index l = 0; l < k; ++l, b += kStrip) {
    const Lanes left = lanes(b), right = lanes(b + kLanes);
#pragma GCC unroll 16
    for (int r = 0; r < ROWS; ++r) {
      const float x = a.data[r * a.row + l * a.column];
      sum[r][0] += x * left;
      sum[r][1] += x * right;
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < ROWS; ++r)
    for (int v = 0; v < 2; ++v) {
      Lanes& out = lanes(c + r * c_stride + v * kLanes);
      out = beta == 0 ? sum[r][v] : sum[r][v] + beta * out;
    }
}

// ROWS rows of C's panel. Rows of A that lie in columns are copied: a step's numbers lie far from the next's.
template <int ROWS>
void row_of_tiles(Index n, Index k, Strided<float> a, const float* panel, float beta, float* c,
                  Index c_stride) {
  alignas(64) float copy[kMostSteps * kLanes];
  if (a.row == 1) {
    for (Index l = 0; l < k; ++l) std::copy_n(a.data + l * a.column, ROWS, copy + l * kLanes);
    a = {copy, 1, kLanes};
  }
  for (Index j = 0; j < n; j += kStrip) {
    for (int r = 0; r < ROWS; ++r)
      for (Index v = 0; v < kStrip; v += kLanes) __builtin_prefetch(c + r * c_stride + j + v, 1);
    tile<ROWS>(k, a, panel + j * k, beta, c + j, c_stride);
  }
}

template <std::size_t... I>
constexpr auto rows_of_tiles(std::index_sequence<I...>) {
  return std::array{&row_of_tiles<static_cast<int>(I) + 1>...};
}

}  // namespace

// Of small products OpenBLAS copies nothing, unless it would have to transpose; nor does it cut their sums.
bool panel_gemm_pays(Index m, Index n, Index k, bool b_transposed) {
  return n % kStrip == 0 && (b_transposed || m * n * k > 1'000'000);
}

void panel_gemm(Index m, Index n, Index k, Strided<float> a, const float* b, Index b_stride,
                bool b_transposed, float beta, float* c, Index c_stride) {
  static constexpr auto kOfRows = rows_of_tiles(std::make_index_sequence<kRows>());
  alignas(64) float panel[kPanel * kMostSteps];
  const Index tiles = ceil_div(m, kRows);
  for (Index l = 0, now = 0; l < k; l += now, beta = 1) {
    now = steps(k - l);
    for (Index first = 0; first < n; first += kPanel) {
      const Index width = std::min(kPanel, n - first);
      copy_panel(now, width, b_transposed ? b + first * b_stride + l : b + l * b_stride + first, b_stride,
                 b_transposed, panel);
      for (Index t = 0; t < tiles; ++t) {
        const Index row = m * t / tiles, rows = m * (t + 1) / tiles - row;
        kOfRows[static_cast<std::size_t>(rows - 1)](width, now,
                                                    {a.data + row * a.row + l * a.column, a.row, a.column},
                                                    panel, beta, c + row * c_stride + first, c_stride);
      }
    }
  }
}

#else

bool panel_gemm_pays(Index, Index, Index, bool) {
  return false;
}
void panel_gemm(Index, Index, Index, Strided<float>, const float*, Index, bool, float, float*, Index) {}

#endif

}  // namespace slalom
