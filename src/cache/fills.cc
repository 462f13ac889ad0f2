#include "cache/fills.h"

#include <unistd.h>

#include <bit>

#include "shm/points.h"

namespace weir::cache {

CellId Fills::find(std::uint64_t hash) const {
  Cell* const set = set_of(hash);
  for (Cell* cell = set; cell < set + fill_ways; ++cell) {
    if (cell->hash.load(std::memory_order_relaxed) != hash) continue;
    const CellWord word = CellWord::of(cell->word.load(std::memory_order_acquire));
    // From before a purge: for those alone who are there already.
    if ((cell->purged.load(std::memory_order_seq_cst) & 1) != 0) continue;
    if (word.is_active() || word.state == CellState::orphaned) {
      return {static_cast<std::uint32_t>(cell - memory_.cells), word.version};
    }
  }
  return {};
}

// A free one, or else the one that ended longest ago, or else an orphan.
CellId Fills::claim(std::uint64_t hash, std::uint64_t seq, std::uint32_t owner) const {
  Cell* const set = set_of(hash);
  Cell* chosen = nullptr;
  std::uint64_t best = 0;
  for (Cell* cell = set; cell < set + fill_ways; ++cell) {
    const CellWord word = CellWord::of(cell->word.load(std::memory_order_acquire));
    if (word.is_active()) continue;
    const auto age = static_cast<std::uint32_t>(seq) - cell->began.load(std::memory_order_relaxed);
    const std::uint64_t rank = word.state == CellState::free       ? std::uint64_t{3} << 32
                               : word.state == CellState::orphaned ? 1
                                                                   : std::uint64_t{1} << 32 | age;
    if (rank <= best) continue;
    best = rank;
    chosen = cell;
  }
  if (chosen == nullptr) return {};
  const std::uint64_t version = CellWord::of(chosen->word.load()).version + 1;
  chosen->word.store(CellWord{version, 0, CellState::free}.word(), std::memory_order_seq_cst);
  chosen->hash.store(hash, std::memory_order_relaxed);
  chosen->ref.store(0, std::memory_order_relaxed);
  chosen->purged.store(0, std::memory_order_relaxed);
  chosen->began.store(static_cast<std::uint32_t>(seq), std::memory_order_relaxed);
  for (auto& waiters : chosen->waiters) waiters.store(0, std::memory_order_relaxed);
  SHM_POINT(cache_cell_cleared);
  chosen->word.store(CellWord{version, owner, CellState::leading}.word(),
                     std::memory_order_seq_cst);
  SHM_POINT(cache_cell_claimed);
  return {static_cast<std::uint32_t>(chosen - memory_.cells), version};
}

std::uint64_t Fills::seq_of(CellId id) const {
  const std::uint64_t now = memory_.control->seq.load(std::memory_order_seq_cst);
  return now - (static_cast<std::uint32_t>(now) - cell(id).began.load(std::memory_order_relaxed));
}

void Fills::mark_purged(std::uint64_t hash, bool soft) const {
  if (const CellId id = find(hash)) {
    cell(id).purged.fetch_or(soft ? 2 : 1, std::memory_order_seq_cst);
  }
}

bool Fills::change(CellId id, CellState state, std::uint32_t owner) const {
  Cell& it = cell(id);
  std::uint64_t was = it.word.load(std::memory_order_relaxed);
  const CellWord word = CellWord::of(was);
  if (word.version != id.version || word.slot != owner || !word.is_active()) return false;
  const bool changed = it.word.compare_exchange_strong(
      was, CellWord{id.version, owner, state}.word(), std::memory_order_seq_cst);
  SHM_POINT(cache_cell_changed);
  wake(id);
  return changed;
}

void Fills::wake(CellId id) const {
  Cell& it = cell(id);
  for (std::uint32_t i = 0; i < shm::slot_count / 64; ++i) {
    if (it.waiters[i].load(std::memory_order_seq_cst) == 0) continue;
    std::uint64_t bits = it.waiters[i].exchange(0, std::memory_order_seq_cst);
    for (; bits != 0; bits &= bits - 1) {
      const auto slot = i * 64 + static_cast<std::uint32_t>(std::countr_zero(bits));
      const std::uint64_t one = 1;
      // EAGAIN: it has been woken 2^64 - 2 times and not read; it is awake.
      [[maybe_unused]] const auto written = ::write(wakes_[slot].get(), &one, sizeof one);
    }
  }
}

void Fills::listen(CellId id) const {
  std::atomic<std::uint64_t>& waiters = cell(id).waiters[memory_.self / 64];
  const std::uint64_t mine = std::uint64_t{1} << memory_.self % 64;
  if ((waiters.load(std::memory_order_seq_cst) & mine) == 0) {
    waiters.fetch_or(mine, std::memory_order_seq_cst);
  }
}

bool Fills::take_over(CellId id) const {
  Cell& it = cell(id);
  std::uint64_t was = it.word.load(std::memory_order_acquire);
  const CellWord word = CellWord::of(was);
  if (word.version != id.version || word.state != CellState::orphaned) return false;
  const bool mine = it.word.compare_exchange_strong(
      was, CellWord{id.version, memory_.self, CellState::leading}.word(),
      std::memory_order_seq_cst);
  SHM_POINT(cache_cell_taken_over);
  return mine;
}

void Fills::orphan(std::uint32_t slot, CellId id) const {
  Cell& it = cell(id);
  std::uint64_t was = it.word.load(std::memory_order_acquire);
  const CellWord word = CellWord::of(was);
  if (!word.is_active() || word.slot != slot || word.version != id.version) return;
  it.word.compare_exchange_strong(was, CellWord{word.version, slot, CellState::orphaned}.word(),
                                  std::memory_order_seq_cst);
  SHM_POINT(cache_cell_orphaned);
  wake({id.cell, word.version});
}

std::uint64_t Fills::oldest_active() const {
  const std::uint64_t now = memory_.control->seq.load(std::memory_order_seq_cst) + 1;
  std::uint32_t age = 0;
  for (std::uint32_t i = 0; i < fill_cells; ++i) {
    const Cell& it = memory_.cells[i];
    const CellWord word = CellWord::of(it.word.load(std::memory_order_acquire));
    // What the keeper brings from disk is compared with all purges that there were.
    if (!word.is_active() || word.slot == disk_slot) continue;
    const auto its_age = static_cast<std::uint32_t>(now) - it.began.load(std::memory_order_relaxed);
    age = its_age > age ? its_age : age;
  }
  return now - age;
}

}  // namespace weir::cache
