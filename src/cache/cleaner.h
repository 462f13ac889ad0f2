// Cleaner: turns dead bytes into free segments. Takes the sealed segment in which the least lives,
// moves that to another one, chunk by chunk, and lets the rest drain. Under the lock, a bounded
// piece at a time: how far it is stands in the zone, so that anyone goes on with it.
#pragma once

#include "cache/index.h"
#include "cache/segments.h"

namespace weir::cache {

class Cleaner {
 public:
  enum class Outcome : std::uint8_t {
    worked,
    nothing_to_gain,  // no segment can be emptied, or none that would free enough
    no_room,          // for what must be moved
  };

  explicit Cleaner(const Memory& memory) : memory_(memory), segments_(memory), index_(memory) {}

  Outcome clean(std::uint32_t budget_units) const;
  // As much as keeps free segments at hand while so much is being allocated.
  Outcome keep_pace(std::uint32_t units) const;
  bool is_behind() const;  // free segments become few

 private:
  std::uint32_t choose() const;
  Outcome step(std::uint32_t& cost) const;
  void finish(std::uint32_t victim) const;
  // False: no room. `cost`: units that were read or written.
  bool move_chunk(Ref from, Chunk& chunk, std::uint32_t& cost) const;
  bool move_head(Ref from, std::uint32_t& cost) const;
  bool move_piece(Ref from, const Part& part, std::uint32_t& cost) const;
  bool move_table(Ref from, const Part& part, std::uint32_t& cost) const;
  Head* owner_of(const Part& part) const;
  Ref copy(Ref from, std::uint32_t units, std::uint32_t& cost) const;

  const Memory& memory_;
  Segments segments_;
  Index index_;
};

}  // namespace weir::cache
