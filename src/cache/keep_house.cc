// What the housekeeper does: repairs, makes room, drops what is of no use any more, and takes back
// what dead processes had.
#include <algorithm>
#include <limits>

#include "cache/cores.h"
#include "shm/points.h"

namespace weir::cache {
namespace {

constexpr std::uint32_t clean_turns = 32, clean_units = (128U << 10) / unit_bytes;
constexpr std::uint32_t sweep_turns = 32, sweep_entries = 64;
// How long an answer that can be validated is kept after nobody may use it without that.
constexpr std::int64_t validator_ms = 24 * 3600 * std::int64_t{1000};

}  // namespace

std::int64_t of_use_until(Content content, const Facts& it) {
  if (content == Content::vary) return std::numeric_limits<std::int64_t>::max();
  std::int64_t until = it.response_time - it.initial_age + it.lifetime +
                       std::max(it.stale_while_revalidate, it.stale_if_error);
  if ((it.flags & fact::has_validator) != 0) until += validator_ms;
  return until;
}

bool Store::keep_house(std::int64_t now_ms) {
  Inner& it = *inner_;
  if (it.memory.has_damage()) {
    it.repair();
    return true;
  }
  auto outcome = Cleaner::Outcome::nothing_to_gain;
  for (std::uint32_t turn = 0; turn < clean_turns; ++turn) {
    const Lock lock(it.memory, Lock::patient);
    if (!lock) return true;
    it.segments.free_drained();
    if (!it.cleaner.is_behind()) break;
    outcome = it.cleaner.clean(clean_units);
    if (outcome != Cleaner::Outcome::worked) break;
  }
  const bool sweeping = it.sweep(now_ms);
  return outcome == Cleaner::Outcome::worked || sweeping || it.memory.has_damage();
}

// Some entries of the index at a time, round and round. True: a purge came since the last round
// that is through began.
bool Inner::sweep(std::int64_t now_ms) {
  Control& it = *memory.control;
  for (std::uint32_t turn = 0; turn < sweep_turns; ++turn) {
    const Lock lock(memory, Lock::patient);
    if (!lock) return true;
    if (it.sweep_at == 0 || it.sweep_at >= index.capacity()) {
      it.sweep_at = 0;
      it.sweep_began = it.seq.load(std::memory_order_seq_cst);
    }
    const std::uint32_t end = std::min(it.sweep_at + sweep_entries, index.capacity());
    for (; it.sweep_at < end; ++it.sweep_at) sweep_one(it.sweep_at, now_ms);
    SHM_POINT(cache_swept);
    if (end < index.capacity()) continue;
    it.sweep_at = 0;
    it.swept = it.sweep_began;
    if (it.earlier.load() != Earlier::comes)
      purges.drop_rules(std::min(it.swept, fills.oldest_active()));
    break;
  }
  return it.swept < purges.newest();
}

void Inner::sweep_one(std::uint32_t number, std::int64_t now_ms) {
  if (index.tag(number).load(std::memory_order_relaxed) == 0) return;
  Head* const head = objects.head_of(number);
  if (head == nullptr || head->hash != index.tag(number).load(std::memory_order_relaxed)) {
    return objects.remove(number, memory.control->damaged);
  }
  const auto body = Body::of(head->body.load(std::memory_order_acquire));
  const Purges::Verdict verdict = purges.judge(*head);
  const bool hidden = body && body->progress != Body::Progress::complete;
  if (!body) {
    objects.remove(number, memory.control->damaged);
  } else if (hidden || verdict == Purges::Verdict::purged) {
    objects.remove(number, memory.control->purged);
  } else if (of_use_until(head->content, head->facts) < now_ms) {
    objects.remove(number, memory.control->expired);
  } else if (verdict == Purges::Verdict::soft) {
    head->body.fetch_or(Body::soft_bit, std::memory_order_seq_cst);
  }
}

// Its fills first: what they made is held by its row until then.
void Inner::clean_dead(std::uint32_t slot) {
  if (slot >= shm::slot_count) return;
  for (std::uint32_t i = 0; i < fill_cells; ++i) {
    const CellWord word = CellWord::of(memory.cells[i].word.load(std::memory_order_acquire));
    if (!word.is_active() || word.slot != slot) continue;
    const Ref ref(memory.cells[i].ref.load(std::memory_order_acquire));
    Head* const head = ref && segments.is_current(ref) ? segments.head(ref) : nullptr;
    if (head != nullptr && head->hash == memory.cells[i].hash.load(std::memory_order_relaxed)) {
      std::uint64_t was = head->body.load(std::memory_order_acquire);
      auto body = Body::of(was);
      if (body && body->progress == Body::Progress::growing) {
        body->progress = Body::Progress::failed;
        head->body.compare_exchange_strong(was, body->word(), std::memory_order_seq_cst);
      }
    }
    fills.orphan(slot, {i, word.version});
  }
  SHM_POINT(cache_fills_orphaned);
  for (std::uint32_t segment = 0; segment < memory.geometry.segments; ++segment) {
    memory.pin_row(slot)[segment].store(0, std::memory_order_release);
  }
  memory.rows[slot].growing.store(0, std::memory_order_relaxed);
  SHM_POINT(cache_row_cleared);
}

}  // namespace weir::cache
