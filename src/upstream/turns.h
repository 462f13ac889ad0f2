// Turns by weight: each peer has a time at which its next turn is due, 1/weight apart; the earliest
// is next. So the turns of a heavy one are spread among those of the others.
#pragma once

#include <cstdint>

namespace weir {

// At the highest sum of weights that a group can have, times do not wrap around before 10^11 picks.
constexpr std::uint64_t turn_step(std::uint32_t weight) {
  return (std::uint64_t{1} << 32) / weight;
}

}  // namespace weir
