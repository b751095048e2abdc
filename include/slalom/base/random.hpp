// The one random generator: Philox4x32-10, counter-based (Salmon, Moraes, Dror, Shaw, "Parallel random
// numbers: as easy as 1, 2, 3", SC 2011). A draw is a pure function of (seed, purpose, index, position),
// so it never depends on what was drawn before, on threads or on batch layout.
#pragma once

#include <array>
#include <cstdint>

namespace slalom {

/// What a stream of random numbers is for; streams of different purposes are independent.
enum class Purpose : std::uint32_t {
  data = 1,
  initialisation,
  dropout,
  embedding_table,
  test = 6,
  query,      // texts that an explainer asks about
  held_out,   // texts that an explanation is scored on
  optimiser,  // order of batches in a surrogate's stochastic fit
  audit,
  back_off,  // how long a client waits before it tries again
  folds,     // of cross-validation
  calibration
};

using PhiloxBlock = std::array<std::uint32_t, 4>;

/// One block of four words: ten rounds of the Philox4x32 bijection of `counter` under `key`.
inline PhiloxBlock philox(PhiloxBlock c, std::uint64_t key) {
  std::uint32_t k0 = static_cast<std::uint32_t>(key), k1 = static_cast<std::uint32_t>(key >> 32);
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t p0 = std::uint64_t{0xD2511F53u} * c[0], p1 = std::uint64_t{0xCD9E8D57u} * c[2];
    c = {static_cast<std::uint32_t>(p1 >> 32) ^ c[1] ^ k0, static_cast<std::uint32_t>(p1),
         static_cast<std::uint32_t>(p0 >> 32) ^ c[3] ^ k1, static_cast<std::uint32_t>(p0)};
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  return c;
}

/// The key of the stream (seed, purpose, index): splitmix64 steps, so that nearby indices share nothing.
std::uint64_t stream_key(std::uint64_t seed, Purpose purpose, std::uint64_t index);

/// A cursor in one stream.
class Rng {
 public:
  Rng(std::uint64_t seed, Purpose purpose, std::uint64_t index = 0)
      : key_(stream_key(seed, purpose, index)) {}

  std::uint32_t bits();
  /// Uniform on [0, 1), 53 bits.
  double uniform();
  /// Standard normal (Box-Muller, both values used).
  double normal();
  /// Uniform on 0 … n − 1, n ≥ 1, without bias (rejection).
  std::uint32_t below(std::uint32_t n);

 private:
  std::uint64_t key_;
  std::uint64_t block_number_ = 0;
  PhiloxBlock block_{};
  int used_ = 4;
  bool has_spare_ = false;
  double spare_ = 0;
};

}  // namespace slalom
