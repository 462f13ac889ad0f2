// DiskIndex: which file holds what is stored under a hash. Two buckets of eight places may have it,
// the emptier one takes it. Read by anybody without a lock; changed as disk_layout.h says.
#pragma once

#include "cache/layout.h"

namespace weir::cache {

class DiskIndex {
 public:
  explicit DiskIndex(const Memory& memory) : memory_(memory) {}

  std::uint32_t capacity() const { return memory_.geometry.disk_buckets * disk_ways; }
  std::atomic<std::uint64_t>& hash(std::uint32_t number) const {
    return memory_.disk_buckets[number / disk_ways].hash[number % disk_ways];
  }
  DiskEntry& entry(std::uint32_t number) const {
    return memory_.disk_buckets[number / disk_ways].entry[number % disk_ways];
  }
  DiskInfo info(std::uint32_t number) const {
    return DiskInfo::of(entry(number).info.load(std::memory_order_seq_cst));
  }
  std::uint32_t find(std::uint64_t hash) const;  // nothing: not there

  // The keeper alone.
  std::uint32_t empty_place(std::uint64_t hash) const;  // nothing: both buckets are full
  std::uint32_t oldest_of(std::uint64_t hash) const;    // of those in its buckets
  void put(std::uint32_t number, std::uint64_t hash, std::uint64_t seq, std::uint64_t name,
           const DiskInfo& info) const;
  void clear(std::uint32_t number) const;

 private:
  const DiskBucket* buckets_of(std::uint64_t hash, int which) const {
    const std::uint64_t half = which == 0 ? hash >> 32 : hash & 0xffff'ffff;
    return memory_.disk_buckets + (half * memory_.geometry.disk_buckets >> 32);
  }
  std::uint32_t number_of(const DiskBucket* bucket, std::uint32_t way) const {
    return static_cast<std::uint32_t>(bucket - memory_.disk_buckets) * disk_ways + way;
  }
  const Memory& memory_;
};

}  // namespace weir::cache
