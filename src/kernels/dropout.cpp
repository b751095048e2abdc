#include "slalom/kernels/dropout.hpp"

#include <algorithm>
#include <cmath>

#include "slalom/base/random.hpp"

namespace slalom {

namespace {

constexpr int kLanes = 16;            // Philox blocks drawn side by side
constexpr Index kChunk = 4 * kLanes;  // words they yield: word w of lane l is element 16 w + l

// philox() of base/random.hpp for kLanes consecutive first counter words, as vector code.
void philox_lanes(std::uint32_t first, std::uint32_t row, std::uint32_t text, std::uint32_t site,
                  std::uint64_t key, std::uint32_t (&out)[4][kLanes]) {
  std::uint32_t *c0 = out[0], *c1 = out[1], *c2 = out[2], *c3 = out[3];
  for (int l = 0; l < kLanes; ++l) {
    c0[l] = first + static_cast<std::uint32_t>(l);
    c1[l] = row;
    c2[l] = text;
    c3[l] = site;
  }
  std::uint32_t k0 = static_cast<std::uint32_t>(key), k1 = static_cast<std::uint32_t>(key >> 32);
  for (int round = 0; round < 10; ++round) {
#pragma omp simd
    for (int l = 0; l < kLanes; ++l) {
      const std::uint64_t p0 = std::uint64_t{0xD2511F53u} * c0[l], p1 = std::uint64_t{0xCD9E8D57u} * c2[l];
      c0[l] = static_cast<std::uint32_t>(p1 >> 32) ^ c1[l] ^ k0;
      c1[l] = static_cast<std::uint32_t>(p1);
      c2[l] = static_cast<std::uint32_t>(p0 >> 32) ^ c3[l] ^ k1;
      c3[l] = static_cast<std::uint32_t>(p0);
    }
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
}

}  // namespace

template <class T>
void dropout_mask(const Dropout& dropout, std::uint32_t text, std::uint32_t row, Index n, T* mask) {
  const auto threshold =
      static_cast<std::uint32_t>(std::llround(std::min(dropout.rate * 0x1p32, 0x1p32 - 1)));
  const T keep = static_cast<T>(1 / (1 - dropout.rate));
  std::uint32_t words[4][kLanes];
  for (Index base = 0; base < n; base += kChunk) {
    philox_lanes(static_cast<std::uint32_t>(base / 4), row, text, dropout.site, dropout.key, words);
    const std::uint32_t* word = &words[0][0];
    const Index count = std::min(kChunk, n - base);
#pragma omp simd
    for (Index j = 0; j < count; ++j) mask[base + j] = word[j] >= threshold ? keep : T{0};
  }
}

template void dropout_mask(const Dropout&, std::uint32_t, std::uint32_t, Index, float*);
template void dropout_mask(const Dropout&, std::uint32_t, std::uint32_t, Index, double*);

}  // namespace slalom
