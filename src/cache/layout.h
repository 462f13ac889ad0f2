// Layout of a cache zone: what stands where in it and who may write it.
//
// Authoritative: index entries (tag, ref), chunks, states of segments, fill cells, purge records.
// Derived, and computed anew from those when a process died in the middle of a change: counts,
// lists, live bytes (repair.cc). Everything is written under the one lock, except: a pin row by its
// slot, the `used` word of an entry by whoever found it, chunks by who allocated them, fill cells
// and passes as fills.h and passes.h say, counters by anyone. Sizes are computed from StoreSizes in
// each process and never read from the zone.
#pragma once

#include <pthread.h>

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "cache/chunk.h"
#include "cache/disk_layout.h"
#include "cache/store.h"
#include "shm/slots.h"
#include "shm/zone.h"

namespace weir::cache {

inline constexpr std::uint32_t nothing = ~std::uint32_t{0};  // no entry, no segment

inline constexpr std::uint32_t bucket_ways = 8;
inline constexpr std::uint32_t fill_cells = 4096, fill_ways = 8;
inline constexpr std::uint32_t pass_cells = 16384, pass_ways = 4;
inline constexpr std::uint32_t use_cells = 65536;
inline constexpr std::uint32_t wish_places = 64;
inline constexpr std::uint32_t tag_cells = 16384, tag_ways = 4;
inline constexpr std::uint32_t rules_most = 32, rule_bytes_most = 1000;
inline constexpr std::uint64_t seq_first =
    1;  // the number before all others, where there is no disk
inline constexpr std::uint32_t queues = 256;  // lru: generations; s3fifo: small and main

// --- segments

enum class SegmentState : std::uint8_t {
  free,
  open,    // chunks are allocated from it
  sealed,  // full
  drain,   // nothing in it is referred to; free once nobody has it pinned
};
// generation:28 state:8, so that both are seen together.
struct SegmentWord {
  std::uint32_t generation = 0;
  SegmentState state = SegmentState::free;
  std::uint64_t word() const {
    return std::uint64_t{generation} << 8 | static_cast<std::uint8_t>(state);
  }
  static SegmentWord of(std::uint64_t word) {
    return {static_cast<std::uint32_t>(word >> 8), static_cast<SegmentState>(word & 0xff)};
  }
  bool may_be_read() const { return state == SegmentState::open || state == SegmentState::sealed; }
};

struct Book {             // of one segment
  std::uint32_t written;  // units allocated from its beginning on
  std::uint32_t live;     // derived: units of chunks that an entry refers to
};

// Of one slot, written by it alone. Pins are in a table of their own.
struct alignas(64) Row {
  std::atomic<std::uint64_t> growing;  // units that its fills have and no entry refers to yet
  // What its processes have served so far, one after the other: never taken back, so the sum over
  // all rows is what all that ever were have. In the order of Served.
  std::atomic<std::uint64_t> served[served_counts];
};
static_assert(sizeof(Row) == 64);

// --- index

struct Entry {
  std::atomic<std::uint64_t> ref;
  std::uint32_t next, previous;     // derived: its queue
  std::atomic<std::uint16_t> used;  // s3fifo: how often it was found, 3 at most; lru: when
  std::uint8_t queue;               // s3fifo: which
  std::uint8_t reserved;
  std::uint32_t units;  // derived: of all its chunks
};
struct alignas(64) Bucket {
  std::atomic<std::uint64_t> tag[bucket_ways];  // hash of the key; 0: empty
  Entry entry[bucket_ways];
};
static_assert(shm::Shared<Bucket> && sizeof(Bucket) == 256);

struct alignas(64) Ghosts {  // s3fifo: who was evicted from the small queue, and when
  std::uint32_t print[8], when[8];
};

// --- fills

// Who fetches what. `word` says whether it is still the fill that one meant.
struct alignas(64) Cell {
  std::atomic<std::uint64_t> word;  // CellWord
  std::atomic<std::uint64_t> hash;
  std::atomic<std::uint64_t> ref;     // the head, once it is there
  std::atomic<std::uint32_t> purged;  // 1: it may not be stored, 2: soft purged
  std::atomic<std::uint32_t> began;   // seq, the lower half
  std::atomic<std::uint64_t> waiters[shm::slot_count / 64];  // slots that want to be told
};
static_assert(shm::Shared<Cell> && sizeof(Cell) == 64);

struct Pass {
  std::atomic<std::uint64_t> hash;
  std::atomic<std::int64_t> until_ms;
};

// --- purges

struct TagCell {
  std::atomic<std::uint64_t> tag, hard, soft;  // seq of the last purge
};
struct Rule {
  std::atomic<std::uint64_t> seq;  // 0: free
  std::atomic<std::uint32_t> bytes;
  std::atomic<std::uint32_t> soft;
  std::atomic<std::uint64_t> text[rule_bytes_most / 8];
};

// --- the rest

struct Link {
  std::uint32_t next, previous;
};

// Derived, all of it. Atomic where it is read without the lock.
struct Derived {
  std::atomic<std::uint64_t> live;  // units
  std::atomic<std::uint32_t> entries, free_segments;
  std::uint32_t draining;
  std::uint32_t open[2];        // segment for new chunks, for moved ones
  std::uint32_t victim, place;  // what the cleaner empties, and how far it is
  std::uint32_t free_hint;
  std::uint64_t queue_units[2];  // s3fifo
  std::uint32_t queue_entries[2];
  std::uint64_t oldest;    // lru: generation
  std::uint32_t inserted;  // lru: since the last generation began
  std::uint32_t ghost_clock;
  Link queue[queues];
};

enum class Damage : std::uint32_t { none, found };
enum class Earlier : std::uint32_t {
  none,     // nothing came, or it is this store's alone
  watched,  // all came; there it may still be removed
  comes,
};

struct Control {
  alignas(64) pthread_mutex_t mutex;
  alignas(64) std::atomic<std::uint32_t> damage;  // Damage; set: nothing is changed until repaired
  std::atomic<std::uint32_t> slots_high;          // slots from here on were never used
  alignas(64) std::atomic<std::uint64_t> hard_floor;  // what has this seq or less is purged
  std::atomic<std::uint64_t> soft_floor, tag_hard_floor, tag_soft_floor;
  std::atomic<std::uint64_t> tag_newest, rule_newest;
  alignas(64) std::atomic<std::uint64_t> seq;
  alignas(64) std::atomic<std::uint64_t> generation;  // lru: the youngest
  alignas(64) Derived derived;
  alignas(64) std::atomic<std::uint64_t> stored;
  std::atomic<std::uint64_t> copies;
  std::atomic<std::uint64_t> evicted, expired, purged, damaged, no_room, lock_timeouts, moved;
  alignas(64) std::uint64_t sweep_began, swept;  // housekeeper: seq when a round over the entries
  std::uint32_t sweep_at;                        // began, and the last one that is through
  // What another store held before: transfer.h
  std::atomic<Earlier> earlier;
  std::atomic<std::uint64_t> compared;  // removals of that store when what came was compared
  std::atomic<std::uint64_t> removals;  // of single keys, here, so far
  Rule rules[rules_most];
};
static_assert(shm::Shared<Control>);

struct Geometry {
  StoreSizes sizes;
  std::uint32_t segment_units = 0, segments = 0, reserve = 0;
  std::uint32_t chunk_bytes_most = 0, piece_bytes_most = 0;
  std::uint64_t live_most = 0;  // units of objects that can be found or grow
  std::uint64_t object_bytes_most = 0;
  std::uint32_t entries_most = 0, buckets = 0, ghost_sets = 0;
  std::uint32_t disk_entries_most = 0, disk_buckets = 0;  // 0: no disk tier

  std::size_t control_at = 0, states_at = 0, books_at = 0, rows_at = 0, pins_at = 0, pin_stride = 0,
              buckets_at = 0, ghosts_at = 0, cells_at = 0, passes_at = 0, uses_at = 0,
              wishes_at = 0, tags_at = 0, disk_at = 0, disk_buckets_at = 0, data_at = 0,
              body_bytes = 0;

  static Geometry of(const StoreSizes& sizes);
  std::uint64_t segment_bytes() const { return std::uint64_t{segment_units} * unit_bytes; }
  shm::Kind kind(std::string_view name) const;
};

// The zone through the types above.
struct Memory {
  Geometry geometry;
  Control* control = nullptr;
  std::atomic<std::uint64_t>* states = nullptr;
  Book* books = nullptr;
  Row* rows = nullptr;
  std::byte* pins = nullptr;
  Bucket* buckets = nullptr;
  Ghosts* ghosts = nullptr;
  Cell* cells = nullptr;
  Pass* passes = nullptr;
  std::atomic<std::uint64_t>* uses = nullptr;    // uses.h
  std::atomic<std::uint64_t>* wishes = nullptr;  // wishes.h
  TagCell* tags = nullptr;
  DiskControl* disk = nullptr;  // null: no disk tier
  DiskBucket* disk_buckets = nullptr;
  std::byte* data = nullptr;
  std::uint32_t self = nothing;                 // this process's slot
  mutable std::int64_t impatient_until_ms = 0;  // this process's: see Lock

  Memory(const Geometry& geometry, const shm::Zone& zone);
  Derived& derived() const { return control->derived; }
  std::atomic<std::uint32_t>* pin_row(std::uint32_t slot) const {
    return reinterpret_cast<std::atomic<std::uint32_t>*>(pins + slot * geometry.pin_stride);
  }
  // Something does not add up: nothing is changed from here on until keep_house() repaired it.
  void found_damage() const {
    control->damage.store(static_cast<std::uint32_t>(Damage::found), std::memory_order_release);
  }
  bool has_damage() const { return control->damage.load(std::memory_order_acquire) != 0; }
};

inline void count(std::atomic<std::uint64_t>& counter, std::uint64_t by = 1) {
  counter.fetch_add(by, std::memory_order_relaxed);
}

}  // namespace weir::cache
