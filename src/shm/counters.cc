#include "shm/counters.h"

#include "shm/points.h"
#include "shm/snapshot_update.h"

namespace weir::shm {

std::uint64_t StatsTable::row_incarnation(std::uint32_t index) const {
  assert(index < slot_count);
  return body_->row[index].incarnation.load(std::memory_order_acquire);
}

std::uint64_t StatsTable::folded_incarnation(std::uint32_t index) const {
  assert(index < slot_count);
  Retired retired;
  return body_->retired.read(retired) ? retired[counter_count + index] : 0;
}

void StatsTable::begin(SlotId id) {
  CounterRow& it = row(id.index);
  const std::uint64_t last = it.incarnation.load(std::memory_order_relaxed);
  assert(id.incarnation == last + 1 ||
         id.incarnation == last);  // equal: a claim that was cut short
  // While it is zeroed the row still carries the last incarnation, which readers know is retired.
  for (const CounterInfo& info : counter_table) (it.*info.member).set(0);
  SHM_POINT(claim_row_reset);
  it.incarnation.store(id.incarnation, std::memory_order_release);
  SHM_POINT(claim_row_given);
}

void StatsTable::fold(SlotId dead) {
  Retired retired;
  // Nobody but the housekeeper publishes, so the first try reads it whole.
  const bool whole = body_->retired.read(retired);
  assert(whole);
  if (retired[counter_count + dead.index] >= dead.incarnation) return;
  const CounterRow& it = row(dead.index);
  assert(it.incarnation.load(std::memory_order_acquire) == dead.incarnation);
  for (std::size_t i = 0; i < counter_count; ++i) {
    if (counter_table[i].kind == CounterKind::counter) {
      retired[i] += (it.*counter_table[i].member).get();
    }
  }
  retired[counter_count + dead.index] = dead.incarnation;
  publish(body_->retired, retired);
}

bool StatsTable::is_folded(SlotId id) const {
  return folded_incarnation(id.index) >= id.incarnation;
}

bool StatsTable::sum(CounterValues& out) const {
  constexpr int tries = 8;
  Retired retired;
  for (int attempt = 0; attempt < tries; ++attempt) {
    const std::uint64_t version = body_->retired.version();
    if (!body_->retired.read(retired)) continue;
    for (std::size_t i = 0; i < counter_count; ++i) out[i] = retired[i];
    for (std::uint32_t slot = 0; slot < slot_count; ++slot) {
      const CounterRow& it = body_->row[slot];
      const std::uint64_t incarnation = row_incarnation(slot);
      if (incarnation == 0 || retired[counter_count + slot] >= incarnation) continue;
      for (std::size_t i = 0; i < counter_count; ++i) out[i] += (it.*counter_table[i].member).get();
    }
    // A row that was retired meanwhile may have been zeroed while it was read.
    if (body_->retired.version() == version) return true;
  }
  return false;
}

}  // namespace weir::shm
