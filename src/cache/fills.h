// Fills: who fetches what from an origin just now, so that others wait for it instead of fetching
// the same.
//
//   free -> leading -> growing -> complete
//              |          |
//              +----------+--> look_again, pass, failed
//              +----------+--> orphaned (the owner died) -> leading (another took over)
//
// A cell is claimed under the lock. From then on its word is changed by its owner, or once that is
// dead by one compare-and-swap. When it ended it stays until another needs its place; who still
// looks at it then sees another version and asks the index again. Those who wait set the bit of
// their slot and are told once through the eventfd of that slot; then they set it again before they
// look, so that nothing is missed and many changes make one wake.
#pragma once

#include <array>
#include <optional>

#include "cache/layout.h"
#include "os/fd.h"

namespace weir::cache {

enum class CellState : std::uint8_t {
  free,
  leading,
  growing,
  complete,
  look_again,
  pass,
  failed,
  orphaned,
};

struct CellWord {
  std::uint64_t version = 0;
  std::uint32_t slot = 0;
  CellState state = CellState::free;
  std::uint64_t word() const {
    return version << 24 | std::uint64_t{slot & 0xffff} << 8 | static_cast<std::uint8_t>(state);
  }
  static CellWord of(std::uint64_t word) {
    return {word >> 24, static_cast<std::uint32_t>(word >> 8 & 0xffff),
            static_cast<CellState>(word & 0xff)};
  }
  bool is_active() const { return state == CellState::leading || state == CellState::growing; }
};

struct CellId {
  std::uint32_t cell = nothing;
  std::uint64_t version = 0;
  explicit operator bool() const { return cell != nothing; }
};

using Wakes = std::array<Fd, shm::slot_count>;  // eventfds, one per slot

class Fills {
 public:
  Fills(const Memory& memory, const Wakes& wakes) : memory_(memory), wakes_(wakes) {}

  Cell& cell(CellId id) const { return memory_.cells[id.cell]; }
  CellWord word(CellId id) const {
    return CellWord::of(cell(id).word.load(std::memory_order_seq_cst));
  }

  // Under the lock.
  CellId find(std::uint64_t hash) const;  // active or orphaned, and not purged
  std::uint64_t seq_of(CellId id) const;  // when it began
  CellId claim(std::uint64_t hash, std::uint64_t seq) const {
    return claim(hash, seq, memory_.self);
  }
  CellId claim(std::uint64_t hash, std::uint64_t seq, std::uint32_t owner) const;
  void mark_purged(std::uint64_t hash, bool soft) const;

  // The owner. False: it is not the owner.
  bool change(CellId id, CellState state) const { return change(id, state, memory_.self); }
  bool change(CellId id, CellState state, std::uint32_t owner) const;
  void wake(CellId id) const;  // those who wait

  void listen(CellId id) const;  // this process wants to be told of the next change
  bool take_over(CellId id) const;

  // Housekeeper; and anybody who has waited long enough for the cache keeper (disk_slot).
  void orphan(std::uint32_t slot, CellId id) const;
  std::uint64_t oldest_active() const;  // seq

 private:
  Cell* set_of(std::uint64_t hash) const {
    return memory_.cells + (hash >> 7) % (fill_cells / fill_ways) * fill_ways;
  }
  const Memory& memory_;
  const Wakes& wakes_;
};

}  // namespace weir::cache
