#include "slalom/kernels/bf16_gemm.hpp"

#include <immintrin.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cmath>

#include "slalom/kernels/gemm.hpp"

namespace slalom {

// A tile of x is 16 rows of 32 columns. A tile of W has the same numbers, 16 rows of y's columns, by pairs of
// columns: (16 pairs, 16 rows of W, 2). Both have 1 KiB; the kernels below compute 32 × 32 numbers of y from
// two of each at a time, which is why rows are filled up with zeros to a multiple of 32.
namespace {

constexpr Index kTile = 16, kDepth = 32, kTileSize = kTile * kDepth, kSquare = 2 * kTile;

Index filled_up(Index n) {
  return ceil_div(n, kSquare) * kSquare;
}

// Rows and columns beyond the matrix are zero.
float at(const float* x, Index m, Index k, Index row, Index column) {
  return row < m && column < k ? x[row * k + column] : 0;
}

}  // namespace

Bf16 to_bf16(float x) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  const std::uint32_t rounded = bits + 0x7FFF + (bits >> 16 & 1), quiet = bits | 0x400000;
  return static_cast<Bf16>((x == x ? rounded : quiet) >> 16);
}

Bf16Weight::Bf16Weight(Index n, Index k, const float* w)
    : n_(n), k_(k), tiles_(static_cast<std::size_t>(rounded_size(n, k)) * sizeof(Bf16)) {
  const Index depth = ceil_div(k, kDepth);
  parallel_for(filled_up(n) / kTile, [&](Index tile_row) {
    Bf16* to = tiles_.as<Bf16>().data() + tile_row * depth * kTileSize;
    for (Index first = 0; first < depth * kDepth; first += 2)
      for (Index row = tile_row * kTile; row < (tile_row + 1) * kTile; ++row)
        for (Index column = first; column < first + 2; ++column) *to++ = to_bf16(at(w, n, k, row, column));
  });
}

Index rounded_size(Index m, Index k) {
  return filled_up(m) * ceil_div(k, kDepth) * kDepth;
}

void round_factor(Index m, Index k, const float* x, Bf16* tiles) {
  const Index depth = ceil_div(k, kDepth);
  parallel_for(filled_up(m) / kTile, [&](Index tile_row) {
    for (Index t = 0; t < depth; ++t)
      for (Index r = 0; r < kTile; ++r) {
        const Index row = tile_row * kTile + r, first = t * kDepth;
        Bf16* to = tiles + (tile_row * depth + t) * kTileSize + r * kDepth;
        if (row < m && first + kDepth <= k)
          for (Index i = 0; i < kDepth; ++i) to[i] = to_bf16(x[row * k + first + i]);
        else
          for (Index i = 0; i < kDepth; ++i) to[i] = to_bf16(at(x, m, k, row, first + i));
      }
  });
}

// --- squares of 32 × 32 numbers of y (leading dimension y_stride) from `depth` tiles in each of two rows of
// tiles of x and of W -----------------------------------------------------------------------------------

namespace {

struct TileConfiguration {
  std::uint8_t palette = 1, rest[15] = {};
  std::uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  std::uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};

[[gnu::target("amx-tile")]] void begin_tiles() {
  const TileConfiguration configuration;
  _tile_loadconfig(&configuration);
}

[[gnu::target("amx-tile")]] void end_tiles() {
  _tile_release();
}

[[gnu::target("amx-tile,amx-bf16")]] void square_on_tiles(const Bf16* x, const Bf16* w, Index depth, float* y,
                                                          Index y_stride) {
  constexpr int kRow = 64;  // bytes
  const auto row = static_cast<int>(y_stride * Index{sizeof(float)});
  const Index below = depth * kTileSize;
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  for (Index t = 0; t < depth; ++t, x += kTileSize, w += kTileSize) {
    _tile_loadd(4, x, kRow);
    _tile_loadd(5, x + below, kRow);
    _tile_loadd(6, w, kRow);
    _tile_loadd(7, w + below, kRow);
    _tile_dpbf16ps(0, 4, 6);
    _tile_dpbf16ps(1, 4, 7);
    _tile_dpbf16ps(2, 5, 6);
    _tile_dpbf16ps(3, 5, 7);
  }
  _tile_stored(0, y, row);
  _tile_stored(1, y + kTile, row);
  _tile_stored(2, y + kTile * y_stride, row);
  _tile_stored(3, y + kTile * y_stride + kTile, row);
}

float to_float(Bf16 x) {
  return std::bit_cast<float>(std::uint32_t{x} << 16);
}

// 16 numbers of y from a row of x's tiles and the tiles of W.
[[gnu::noinline]] void emulated_row(const Bf16* x, const Bf16* w, Index depth, float* y) {
  float sum[kTile] = {};
  for (Index t = 0; t < depth; ++t, x += kTileSize, w += kTileSize) {
    float even[kTile] = {}, odd[kTile] = {};
    for (Index pair = 0; pair < kTile; ++pair)
      for (Index n = 0; n < kTile; ++n) {
        const Bf16* of_w = w + (pair * kTile + n) * 2;
        even[n] = std::fma(to_float(x[2 * pair]), to_float(of_w[0]), even[n]);
        odd[n] = std::fma(to_float(x[2 * pair + 1]), to_float(of_w[1]), odd[n]);
      }
    for (Index n = 0; n < kTile; ++n) sum[n] += even[n] + odd[n];
  }
  std::ranges::copy(sum, y);
}

// Tiles take denormal numbers for 0 whatever MXCSR says; here it has to say so.
void emulated_square(const Bf16* x, const Bf16* w, Index depth, float* y, Index y_stride) {
  constexpr unsigned kFlushResults = 0x8000, kFlushInputs = 0x40;
  const unsigned before = _mm_getcsr();
  _mm_setcsr(before | kFlushResults | kFlushInputs);
  for (Index row = 0; row < kSquare; ++row)
    for (Index half = 0; half < 2; ++half)
      emulated_row(x + (row / kTile * depth * kTile + row % kTile) * kDepth, w + half * depth * kTileSize,
                   depth, y + row * y_stride + half * kTile);
  _mm_setcsr(before);
}

}  // namespace

// Linux grants a process the tiles once it asks, where the processor has them.
Bf16Unit bf16_unit() {
  static const bool granted = [] {
    constexpr long kRequestPermission = 0x1023, kTileData = 18;  // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
    return __builtin_cpu_supports("amx-bf16") && syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
  }();
  return granted ? Bf16Unit::amx : Bf16Unit::emulated;
}

// 128 rows of x stay in the second-level cache while the columns go by, two tiles of W in the first.
void bf16_gemm_block(const GemmBlock& block, const Bf16* x, const Bf16Weight& w, float* y, Bf16Unit unit) {
  constexpr Index kRowsAtOnce = 128;
  const Index k = ceil_div(w.columns(), kDepth) * kDepth, n = w.rows();
  const auto square = unit == Bf16Unit::amx ? square_on_tiles : emulated_square;
  if (unit == Bf16Unit::amx) begin_tiles();
  for (Index first = block.first_row; first < block.last_row; first += kRowsAtOnce)
    for (Index column = block.first_column; column < block.last_column; column += kSquare)
      for (Index row = first; row < std::min(first + kRowsAtOnce, block.last_row); row += kSquare) {
        const Index rows = std::min(kSquare, block.last_row - row),
                    columns = std::min(kSquare, block.last_column - column);
        float* to = y + row * n + column;
        if (rows == kSquare && columns == kSquare) {
          square(x + row * k, w.tiles() + column * k, k / kDepth, to, n);
          continue;
        }
        float all[kSquare * kSquare];
        square(x + row * k, w.tiles() + column * k, k / kDepth, all, kSquare);
        for (Index r = 0; r < rows; ++r) std::copy_n(all + r * kSquare, columns, to + r * n);
      }
  if (unit == Bf16Unit::amx) end_tiles();
}

}  // namespace slalom
