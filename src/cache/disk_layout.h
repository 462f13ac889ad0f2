// The disk tier in a cache zone: what is known in shared memory of the files in its folder, and
// what the other processes have to say to the one that alone touches them, the cache keeper.
//
// An entry is put and taken away by the keeper; others mark it dead or soft purged, with one atomic
// operation and without a lock. A mark that lands on what has another key by now costs that one
// file. Nothing here is waited for: what does not fit is dropped and counted, or purges more than
// was asked for.
#pragma once

#include <atomic>
#include <cstdint>

#include "shm/zone.h"

namespace weir::cache {

inline constexpr std::uint32_t disk_ways = 8;
inline constexpr std::uint32_t disk_todo_places = 4096, disk_wanted_places = 1024;
inline constexpr std::uint32_t disk_purges = 256, disk_purge_text = 1000;
inline constexpr std::uint32_t disk_block_bytes = 4096;
// A fill cell of that slot is led by the keeper, whichever process that is.
inline constexpr std::uint32_t disk_slot = 0xffff;

constexpr std::uint32_t disk_blocks(std::uint64_t bytes) {
  return static_cast<std::uint32_t>((bytes + disk_block_bytes - 1) / disk_block_bytes);
}

struct DiskInfo {
  static constexpr unsigned blocks_bits = 24, until_bits = 36;
  static constexpr std::uint64_t blocks_most = (std::uint64_t{1} << blocks_bits) - 1;
  static constexpr std::uint64_t until_most = (std::uint64_t{1} << until_bits) - 1;
  static constexpr std::uint64_t used_bit = std::uint64_t{1} << 60,
                                 dead_bit = std::uint64_t{1} << 61,
                                 soft_bit = std::uint64_t{1} << 62,
                                 soft_kept_bit = std::uint64_t{1} << 63;

  std::uint32_t blocks = 0;
  std::uint64_t until_s = 0;  // of no use from then on
  bool used = false;          // it was fetched: stays when its turn comes to be evicted
  bool dead = false;          // not to be served, and to be removed
  bool soft = false;          // soft purged
  bool soft_kept = false;     // its file says so, too

  std::uint64_t word() const {
    return blocks | until_s << blocks_bits | (used ? used_bit : 0) | (dead ? dead_bit : 0) |
           (soft ? soft_bit : 0) | (soft_kept ? soft_kept_bit : 0);
  }
  static DiskInfo of(std::uint64_t word) {
    return {static_cast<std::uint32_t>(word & blocks_most),
            word >> blocks_bits & until_most,
            (word & used_bit) != 0,
            (word & dead_bit) != 0,
            (word & soft_bit) != 0,
            (word & soft_kept_bit) != 0};
  }
};

struct DiskEntry {
  std::atomic<std::uint64_t> seq;   // of the answer in the file
  std::atomic<std::uint64_t> name;  // of the file
  std::atomic<std::uint64_t> info;  // DiskInfo
};
struct alignas(64) DiskBucket {
  std::atomic<std::uint64_t> hash[disk_ways];  // of the key, as in the index of memory; 0: empty
  DiskEntry entry[disk_ways];
};
static_assert(shm::Shared<DiskBucket> && sizeof(DiskBucket) == 256);

// A purge of a tag or of a prefix. Written under the zone's lock, in a ring that the keeper empties
// once the purge is in its journal.
struct DiskPurge {
  std::uint64_t seq, tag;
  std::uint32_t bytes;
  std::uint8_t is_prefix, soft;
  std::uint16_t reserved;
  char text[disk_purge_text];
};
static_assert(shm::Shared<DiskPurge> && sizeof(DiskPurge) == 1024);

struct DiskControl {
  alignas(64) std::atomic<std::uint32_t> open;  // a keeper works, or is about to
  std::atomic<std::uint32_t> keeper;            // its slot, to wake it
  std::atomic<std::uint32_t> asleep;            // it is to be woken
  std::atomic<std::uint32_t> look_all;          // dead entries that nobody could tell it of
  std::atomic<std::int64_t> since_ms;  // monotonic: when it last got on, while somebody waits; or 0
  std::atomic<std::uint64_t> first;    // seq that this zone began at
  std::atomic<std::uint64_t> floor;    // what has this seq or less is purged: the ring was full

  // What it is about to put under a hash, so that it hears what became of that meanwhile.
  alignas(64) std::atomic<std::uint64_t> writing_hash;
  std::atomic<std::uint64_t> writing_name;
  std::atomic<std::uint32_t> writing_removed;  // 1: removed or replaced, 2: soft purged

  alignas(64) std::atomic<std::uint64_t> purges_made;
  alignas(64) std::atomic<std::uint64_t> purges_heard;
  alignas(64) std::atomic<std::uint64_t> todo_at;

  alignas(64) std::atomic<std::uint64_t> entries;
  std::atomic<std::uint64_t> blocks, hits, stored, evicted, damaged, dropped, write_errors;
  std::atomic<std::uint32_t> loaded;  // 1: all files that were there at the start are known

  alignas(64) std::atomic<std::uint64_t> todo[disk_todo_places];  // hashes to look at
  std::atomic<std::uint64_t> wanted[disk_wanted_places];  // cells that it leads: version and cell
  DiskPurge purge[disk_purges];
};
static_assert(shm::Shared<DiskControl>);

}  // namespace weir::cache
