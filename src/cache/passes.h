// Passes: which keys are known to give answers that may not be stored, for a while: nobody waits
// for another there. Sets of four; the one that ends first gives way. No lock: two that write the
// same place at once can at worst make one key pass that did not ask for it, which costs a fetch.
#pragma once

#include <ctime>

#include "cache/layout.h"

namespace weir::cache {

inline std::int64_t wall_ms() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME_COARSE, &now);
  return static_cast<std::int64_t>(now.tv_sec) * 1000 + now.tv_nsec / 1'000'000;
}

class Passes {
 public:
  explicit Passes(const Memory& memory) : memory_(memory) {}

  bool has(std::uint64_t hash) const {
    const Pass* const set = set_of(hash);
    for (std::uint32_t way = 0; way < pass_ways; ++way) {
      if (set[way].hash.load(std::memory_order_acquire) != hash) continue;
      return set[way].until_ms.load(std::memory_order_relaxed) > wall_ms();
    }
    return false;
  }

  void note(std::uint64_t hash, std::int64_t until_ms) const {
    Pass* const set = set_of(hash);
    Pass* mine = set;
    for (Pass* pass = set; pass < set + pass_ways; ++pass) {
      if (pass->hash.load(std::memory_order_relaxed) == hash) {
        mine = pass;
        break;
      }
      if (pass->until_ms.load(std::memory_order_relaxed) <
          mine->until_ms.load(std::memory_order_relaxed)) {
        mine = pass;
      }
    }
    mine->until_ms.store(until_ms, std::memory_order_relaxed);
    mine->hash.store(hash, std::memory_order_release);
  }

  // Something under this key was stored.
  void forget(std::uint64_t hash) const {
    Pass* const set = set_of(hash);
    for (std::uint32_t way = 0; way < pass_ways; ++way) {
      if (set[way].hash.load(std::memory_order_relaxed) == hash) {
        set[way].until_ms.store(0, std::memory_order_relaxed);
      }
    }
  }

 private:
  Pass* set_of(std::uint64_t hash) const {
    return memory_.passes + (hash >> 20) % (pass_cells / pass_ways) * pass_ways;
  }
  const Memory& memory_;
};

}  // namespace weir::cache
