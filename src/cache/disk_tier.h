// DiskTier: what other processes say to the cache keeper and learn of it, through the zone (see
// disk_layout.h). Nothing here blocks, none of it takes a lock, and all of it does nothing where a
// cache has no disk.
#pragma once

#include <string_view>

#include "base/hash.h"
#include "cache/disk_index.h"
#include "cache/fills.h"

namespace weir::cache {

class DiskTier {
 public:
  // So long the keeper may do without a sign of getting on before nobody waits for it any more.
  static constexpr std::int64_t stall_ms = 250;

  DiskTier(const Memory& memory, const Wakes& wakes) : memory_(memory), wakes_(wakes) {}

  bool exists() const { return memory_.disk != nullptr; }
  // It is there, may be served as far as is known here, and the keeper is alive.
  bool has(std::uint64_t hash) const;
  // The keeper is to fill a cell that was claimed for it. False: too much is asked of it.
  bool want(CellId id) const;

  // Another answer was stored in memory: what the disk has is replaced, and the keeper looks.
  void stored(std::uint64_t hash) const;
  // Removed, or soft purged. True: the disk had it.
  bool removed(std::uint64_t hash, bool soft) const;
  // Until all files are known a key that is purged may have one that has no entry yet: that is
  // noted as for a tag, under the zone's lock; without it everything goes that was purged for good.
  bool knows_all() const { return !exists() || memory_.disk->loaded.load() != 0; }
  void purged_key(std::string_view key, bool soft, std::uint64_t seq) const {
    purged(false, {}, key_tag(key), soft, seq);
  }
  void purged_unlocked(std::uint64_t seq) const;

  // Under the zone's lock, after the purge was noted for memory.
  void purged_tag(std::uint64_t tag, bool soft, std::uint64_t seq) const {
    purged(false, {}, tag, soft, seq);
  }
  void purged_prefix(std::string_view prefix, bool soft, std::uint64_t seq) const {
    purged(true, prefix, 0, soft, seq);
  }
  void wake() const;

  static std::uint64_t wanted_word(CellId id) { return id.version << 12 | id.cell; }
  static CellId cell_of(std::uint64_t word) {
    return {static_cast<std::uint32_t>(word & 0xfff), word >> 12};
  }
  static std::int64_t now_ms();  // monotonic
  // A key as if it was a tag of what is stored under it.
  static std::uint64_t key_tag(std::string_view key) { return mix64(hash64(key) ^ 0x6b6579); }

 private:
  static_assert(fill_cells <= 4096);
  bool mark(std::uint64_t hash, std::uint64_t bit) const;
  void look_at(std::uint64_t hash) const;
  void purged(bool is_prefix, std::string_view prefix, std::uint64_t tag, bool soft,
              std::uint64_t seq) const;

  const Memory& memory_;
  const Wakes& wakes_;
  DiskIndex index_{memory_};
};

}  // namespace weir::cache
