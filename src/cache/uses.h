// Uses: how often keys were asked for that are not stored (min_uses). A table of one place for each
// of many keys, without locks: a count that is lost or another key's makes an answer be stored a
// little later or earlier, nothing else.
#pragma once

#include <algorithm>
#include <limits>

#include "cache/layout.h"

namespace weir::cache {

class Uses {
 public:
  explicit Uses(const Memory& memory) : memory_(memory) {}

  // A place is the key's that was there last: 48 bits of its hash, and its count.
  std::uint32_t count(std::uint64_t hash) const {
    std::atomic<std::uint64_t>& place = memory_.uses[(hash >> 24) % use_cells];
    const std::uint64_t mark = hash << count_bits;
    const std::uint64_t was = place.load(std::memory_order_relaxed);
    const std::uint64_t before = (was & ~count_mask) == mark ? was & count_mask : 0;
    const std::uint64_t now = std::min(before + 1, count_mask);
    place.store(mark | now, std::memory_order_relaxed);
    return static_cast<std::uint32_t>(now);
  }

 private:
  static constexpr unsigned count_bits = 16;
  static constexpr std::uint64_t count_mask = (std::uint64_t{1} << count_bits) - 1;
  const Memory& memory_;
};

}  // namespace weir::cache
