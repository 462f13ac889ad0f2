// Index: which head is stored under a hash. Two buckets of eight places may hold it. It stays where
// it was put, unless both are full for another: then one moves to its other bucket.
//
// Read without the lock: a tag that matches is followed to its head, where the key is compared, so
// a place that changes hands in between is noticed there.
#pragma once

#include "cache/layout.h"

namespace weir::cache {

class Index {
 public:
  explicit Index(const Memory& memory) : memory_(memory) {}

  std::uint32_t capacity() const { return memory_.geometry.buckets * bucket_ways; }
  Entry& entry(std::uint32_t number) const {
    return memory_.buckets[number / bucket_ways].entry[number % bucket_ways];
  }
  std::atomic<std::uint64_t>& tag(std::uint32_t number) const {
    return memory_.buckets[number / bucket_ways].tag[number % bucket_ways];
  }
  Ref ref(std::uint32_t number) const {
    return Ref(entry(number).ref.load(std::memory_order_seq_cst));
  }

  std::uint32_t find(std::uint64_t hash) const;  // nothing: not there

  // Under the lock.
  std::uint32_t empty_place(std::uint64_t hash) const;    // nothing: both buckets are full
  std::uint32_t first_place(std::uint64_t hash) const;    // of those that it may have
  std::uint32_t other_place(std::uint32_t number) const;  // empty, in its other bucket; or nothing
  void put(std::uint32_t number, std::uint64_t hash, Ref ref) const;
  void move(std::uint32_t number, Ref ref) const {
    entry(number).ref.store(ref.word(), std::memory_order_seq_cst);
  }
  void clear(std::uint32_t number) const;

 private:
  std::uint32_t bucket(std::uint64_t half) const {
    return static_cast<std::uint32_t>(half * memory_.geometry.buckets >> 32);
  }
  const Memory& memory_;
};

}  // namespace weir::cache
