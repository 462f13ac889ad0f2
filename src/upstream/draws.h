// Draws: random numbers for the choice of a peer. Fast, good, and not for secrets.
#pragma once

#include <cstdint>

#include "base/hash.h"

namespace weir {

class Draws {
 public:
  explicit Draws(std::uint64_t seed) : state_(mix64(seed + 1)) {}

  std::uint64_t next() { return mix64(state_ += 0x9e3779b97f4a7c15U); }  // SplitMix64
  // Evenly below `bound` but for a bias of bound/2^32 at most.
  std::uint32_t below(std::uint32_t bound) {
    return static_cast<std::uint32_t>((next() >> 32) * bound >> 32);
  }

 private:
  std::uint64_t state_;
};

}  // namespace weir
