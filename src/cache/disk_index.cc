#include "cache/disk_index.h"

namespace weir::cache {
namespace {

std::uint32_t way_of(const DiskBucket& bucket, std::uint64_t hash) {
  for (std::uint32_t way = 0; way < disk_ways; ++way) {
    if (bucket.hash[way].load(std::memory_order_acquire) == hash) return way;
  }
  return disk_ways;
}

std::uint32_t taken(const DiskBucket& bucket) {
  std::uint32_t ways = 0;
  for (const auto& hash : bucket.hash) ways += hash.load(std::memory_order_relaxed) != 0;
  return ways;
}

}  // namespace

std::uint32_t DiskIndex::find(std::uint64_t hash) const {
  if (capacity() == 0) return nothing;
  for (const int which : {0, 1}) {
    const DiskBucket* const bucket = buckets_of(hash, which);
    const std::uint32_t way = way_of(*bucket, hash);
    if (way < disk_ways) return number_of(bucket, way);
  }
  return nothing;
}

std::uint32_t DiskIndex::empty_place(std::uint64_t hash) const {
  const DiskBucket *const one = buckets_of(hash, 0), *const two = buckets_of(hash, 1);
  const DiskBucket* const emptier = taken(*one) <= taken(*two) ? one : two;
  const std::uint32_t way = way_of(*emptier, 0);
  return way < disk_ways ? number_of(emptier, way) : nothing;
}

std::uint32_t DiskIndex::oldest_of(std::uint64_t hash) const {
  std::uint32_t oldest = nothing;
  for (const int which : {0, 1}) {
    const DiskBucket* const bucket = buckets_of(hash, which);
    for (std::uint32_t way = 0; way < disk_ways; ++way) {
      const std::uint32_t number = number_of(bucket, way);
      if (this->hash(number).load() == 0) continue;
      if (oldest == nothing || entry(number).seq.load() < entry(oldest).seq.load()) oldest = number;
    }
  }
  return oldest;
}

// The same hash in the same place: what was there is replaced.
void DiskIndex::put(std::uint32_t number, std::uint64_t hash, std::uint64_t seq, std::uint64_t name,
                    const DiskInfo& info) const {
  DiskEntry& it = entry(number);
  it.seq.store(seq, std::memory_order_relaxed);
  it.name.store(name, std::memory_order_relaxed);
  it.info.store(info.word(), std::memory_order_seq_cst);
  this->hash(number).store(hash, std::memory_order_seq_cst);
}

void DiskIndex::clear(std::uint32_t number) const {
  hash(number).store(0, std::memory_order_seq_cst);
  entry(number).info.store(0, std::memory_order_seq_cst);
}

}  // namespace weir::cache
