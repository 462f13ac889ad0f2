// Objects: stored answers as wholes, made of an entry, a head and perhaps pieces: how they come in,
// how they go, and where the memory for new ones comes from. All of it under the lock.
#pragma once

#include <optional>
#include <span>

#include "cache/eviction.h"
#include "cache/index.h"
#include "cache/segments.h"

namespace weir::cache {

class Objects {
 public:
  explicit Objects(const Memory& memory)
      : memory_(memory), segments_(memory), index_(memory), queues_(memory) {}

  // Where the pieces of a body are noted; nullopt: damaged. May be called without the lock while
  // the segment of the table (table_of(), if there is one) is pinned.
  std::optional<std::span<Piece>> pieces_of(Head& head) const;
  static Ref table_of(const Head& head) {
    return head.in_pieces == 0 ? Ref() : Ref(list_of(head).table.load(std::memory_order_acquire));
  }

  Head* head_of(std::uint32_t number) const { return segments_.head(index_.ref(number)); }

  // Under its hash, in the place of what was there. False: the zone is damaged.
  bool insert(Ref ref, Head& head) const;
  void remove(std::uint32_t number, std::atomic<std::uint64_t>& counter) const;

  // A raw chunk, for which others may be evicted; nowhere: there is no room.
  Ref allocate(std::uint32_t units) const;

 private:
  bool account(Head& head, bool add) const;
  std::uint32_t units_of(Head& head) const;
  bool evict(Queues::Limit limit) const;
  bool evict_units(std::uint64_t units) const;
  bool make_room(std::uint32_t units) const;
  std::uint32_t make_place(std::uint64_t hash) const;
  std::uint64_t growing() const;
  void add_totals(std::int64_t units, int entries) const;

  const Memory& memory_;
  Segments segments_;
  Index index_;
  Queues queues_;
};

}  // namespace weir::cache
