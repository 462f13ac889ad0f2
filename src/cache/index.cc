#include "cache/index.h"

#include "shm/points.h"

namespace weir::cache {
namespace {

constexpr std::uint64_t low(std::uint64_t hash) { return hash & 0xffff'ffff; }
constexpr std::uint64_t high(std::uint64_t hash) { return hash >> 32; }

std::uint32_t way_of(const Bucket& bucket, std::uint64_t tag) {
  for (std::uint32_t way = 0; way < bucket_ways; ++way) {
    if (bucket.tag[way].load(std::memory_order_acquire) == tag) return way;
  }
  return bucket_ways;
}

std::uint32_t taken(const Bucket& bucket) {
  std::uint32_t ways = 0;
  for (const auto& tag : bucket.tag) ways += tag.load(std::memory_order_relaxed) != 0;
  return ways;
}

}  // namespace

std::uint32_t Index::find(std::uint64_t hash) const {
  const std::uint32_t one = bucket(high(hash)), two = bucket(low(hash));
  __builtin_prefetch(&memory_.buckets[two]);
  if (const std::uint32_t way = way_of(memory_.buckets[one], hash); way < bucket_ways) {
    return one * bucket_ways + way;
  }
  if (const std::uint32_t way = way_of(memory_.buckets[two], hash); way < bucket_ways) {
    return two * bucket_ways + way;
  }
  return nothing;
}

std::uint32_t Index::empty_place(std::uint64_t hash) const {
  const std::uint32_t one = bucket(high(hash)), two = bucket(low(hash));
  const std::uint32_t emptier =
      taken(memory_.buckets[one]) <= taken(memory_.buckets[two]) ? one : two;
  const std::uint32_t way = way_of(memory_.buckets[emptier], 0);
  return way < bucket_ways ? emptier * bucket_ways + way : nothing;
}

std::uint32_t Index::first_place(std::uint64_t hash) const {
  return bucket(high(hash)) * bucket_ways;
}

std::uint32_t Index::other_place(std::uint32_t number) const {
  const std::uint64_t hash = tag(number).load(std::memory_order_relaxed);
  const std::uint32_t one = bucket(high(hash)), two = bucket(low(hash));
  const std::uint32_t other = number / bucket_ways == one ? two : one;
  const std::uint32_t way = way_of(memory_.buckets[other], 0);
  return way < bucket_ways ? other * bucket_ways + way : nothing;
}

void Index::put(std::uint32_t number, std::uint64_t hash, Ref ref) const {
  entry(number).ref.store(ref.word(), std::memory_order_release);
  SHM_POINT(cache_entry_written);
  tag(number).store(hash, std::memory_order_release);
  SHM_POINT(cache_entry_published);
}

void Index::clear(std::uint32_t number) const {
  tag(number).store(0, std::memory_order_release);
  SHM_POINT(cache_entry_hidden);
  entry(number).ref.store(0, std::memory_order_release);
}

}  // namespace weir::cache
