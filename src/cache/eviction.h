// Eviction: in which order stored answers give way. Two policies behind one class; both keep the
// entries of the index in queues that run through the entries themselves, so that one that is
// removed leaves no gap, and both learn of hits by a word of the entry that readers write.
//
//   s3fifo  (Yang et al., SOSP 2023) a small queue that most pass through once, a main queue for
//           those that were found again meanwhile, and a memory of whom the small one evicted
//   lru     a queue per generation of last use; the oldest entry of the oldest generation goes,
//           unless it was used since: then it joins the generation of that use
#pragma once

#include "cache/index.h"

namespace weir::cache {

class Queues {
 public:
  explicit Queues(const Memory& memory) : memory_(memory), index_(memory) {}

  // By whoever finds an entry, without the lock. Writes only what changes.
  void found(Entry& entry) const;

  // Under the lock.
  enum class Limit : std::uint8_t { memory, entries };  // why one must go
  void insert(std::uint32_t number, std::uint64_t hash, std::uint32_t units) const;
  void replace(std::uint32_t number, std::uint32_t units) const;  // the same key, another answer
  void erase(std::uint32_t number) const;
  void relocate(std::uint32_t from, std::uint32_t to) const;  // the entry is another place
  std::uint32_t choose(Limit limit) const;  // who goes next; nothing: there is none
  // How much it is worth to be kept, from 0 to `warmest`. Without the lock, and roughly.
  static constexpr unsigned warmest = 3;
  unsigned warmth(const Entry& entry) const;
  // The colder of two, for where an entry can't be put at all.
  bool is_colder(const Entry& one, const Entry& other) const;

  // Repair: all queues empty; then insert_again() in the order of storing.
  void reset() const;
  void insert_again(std::uint32_t number, std::uint32_t units) const;

 private:
  bool is_lru() const { return memory_.geometry.sizes.eviction == Eviction::lru; }
  // A queue is a ring through its head, which has a number beyond all entries.
  std::uint32_t head_of(std::uint32_t queue) const { return index_.capacity() + queue; }
  bool get_link(std::uint32_t number, Link& link) const;
  void set_next(std::uint32_t number, std::uint32_t next) const;
  void set_previous(std::uint32_t number, std::uint32_t previous) const;
  std::uint32_t oldest_of(std::uint32_t queue) const;
  void push(std::uint32_t queue, std::uint32_t number) const;
  void unlink(std::uint32_t number) const;

  // eviction_s3fifo.cc
  enum : std::uint8_t { small, main };
  std::uint32_t choose_s3fifo(Limit limit) const;
  std::uint32_t choose_small() const;
  std::uint32_t choose_main() const;
  void enqueue(std::uint8_t queue, std::uint32_t number, std::uint32_t units) const;
  void dequeue(std::uint32_t number) const;
  void remember(std::uint64_t hash) const;
  bool recall(std::uint64_t hash) const;

  // eviction_lru.cc
  std::uint32_t choose_lru() const;
  void begin_generation() const;
  std::uint64_t generation_of(const Entry& entry) const;

  const Memory& memory_;
  Index index_;
};

}  // namespace weir::cache
