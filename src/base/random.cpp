#include "slalom/base/random.hpp"

#include <cmath>
#include <numbers>

namespace slalom {

namespace {

std::uint64_t splitmix(std::uint64_t x) {
  x += 0x9E3779B97F4A7C15u;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
  return x ^ (x >> 31);
}

}  // namespace

std::uint64_t stream_key(std::uint64_t seed, Purpose purpose, std::uint64_t index) {
  return splitmix(splitmix(splitmix(seed) ^ static_cast<std::uint64_t>(purpose)) ^ index);
}

std::uint32_t Rng::bits() {
  if (used_ == 4) {
    block_ = philox(
        {static_cast<std::uint32_t>(block_number_), static_cast<std::uint32_t>(block_number_ >> 32), 0, 0},
        key_);
    ++block_number_;
    used_ = 0;
  }
  return block_[static_cast<std::size_t>(used_++)];
}

double Rng::uniform() {
  const std::uint64_t high = bits(), low = bits();
  return static_cast<double>((high << 21) ^ (low >> 11)) * 0x1p-53;
}

double Rng::normal() {
  if (has_spare_) {
    has_spare_ = false;
    return spare_;
  }
  const double radius = std::sqrt(-2 * std::log1p(-uniform())), angle = 2 * std::numbers::pi * uniform();
  has_spare_ = true;
  spare_ = radius * std::sin(angle);
  return radius * std::cos(angle);
}

std::uint32_t Rng::below(std::uint32_t n) {
  const std::uint32_t unfair = -n % n;  // 2^32 mod n values would favour the first remainders
  for (;;) {
    const std::uint64_t product = std::uint64_t{bits()} * n;
    if (static_cast<std::uint32_t>(product) >= unfair) return static_cast<std::uint32_t>(product >> 32);
  }
}

}  // namespace slalom
