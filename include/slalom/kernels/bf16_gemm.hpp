// Products of factors that are rounded to bf16 (the upper half of a float), summed in float, with one result
// to the last bit: on the AMX tiles of processors that have them, elsewhere emulated.
#pragma once

#include <cstdint>

#include "slalom/base/index.hpp"
#include "slalom/base/memory.hpp"

namespace slalom {

struct GemmBlock;

using Bf16 = std::uint16_t;
constexpr double kBf16Epsilon = 0x1p-7;  // from 1 to the next number

/// The nearest bf16, of two the even one. NaN stays NaN.
Bf16 to_bf16(float x);

/// The weight W (n, k) of a product x Wᵀ, rounded, in the order in which tiles read it.
class Bf16Weight {
 public:
  Bf16Weight() = default;
  Bf16Weight(Index n, Index k, const float* w);
  bool empty() const { return n_ == 0; }
  Index rows() const { return n_; }
  Index columns() const { return k_; }
  const Bf16* tiles() const { return tiles_.as<Bf16>().data(); }

 private:
  Index n_ = 0, k_ = 0;
  MappedMemory tiles_;
};

/// What round_factor() writes of x (m, k).
Index rounded_size(Index m, Index k);
/// x (m, k), rounded, in the order in which tiles read it: `tiles` is aligned to 64 bytes.
void round_factor(Index m, Index k, const float* x, Bf16* tiles);

/// Where products are computed: on tiles, if there are any.
enum class Bf16Unit { amx, emulated };
Bf16Unit bf16_unit();

/// One block of y (m, n) ← x Wᵀ on the calling thread, x as round_factor() wrote it; the block begins at
/// multiples of 32. Each number is the sum over steps of 32 columns, in order, of the sum of their even
/// columns + that of their odd ones, both in order of fused multiply-adds. Numbers below 2⁻¹²⁶ are 0
/// (TDPBF16PS in Intel's manual).
void bf16_gemm_block(const GemmBlock& block, const Bf16* x, const Bf16Weight& w, float* y,
                     Bf16Unit unit = bf16_unit());

}  // namespace slalom
