#include "event/wheel.h"

#include <algorithm>
#include <bit>
#include <cassert>

namespace weir {

void Wheel::arm(Entry& entry, Tick deadline) {
  deadline = std::max(deadline, now_ + 1);
  assert(deadline != never);
  entry.deadline_ = deadline;
  if (entry.is_linked() && entry.place_ <= deadline) return;  // moved on when its place comes up
  entry.unlink();
  place(entry);
}

void Wheel::place(Entry& entry) {
  const Tick at = std::min(std::max(entry.deadline_, now_ + 1), now_ + span_max);
  const Tick distance = at - now_;
  // The nearest level in which the slot of `at` is not the current one a full round ahead.
  const Level* level = &levels[0];
  if (distance >= near_slots) level = &levels[1];
  if (level == &levels[1] && (at >> near_bits) - (now_ >> near_bits) >= far_slots)
    level = &levels[2];
  const Tick slot = level->first + ((at >> level->shift) & (level->slots - 1));
  entry.place_ = at >> level->shift << level->shift;
  next_ = std::min(next_, entry.place_);
  slots_[slot].push_back(entry);
  used_[slot / 64] |= std::uint64_t{1} << (slot % 64);
}

// The tick at which the next slot of this level that holds something begins.
std::optional<Wheel::Tick> Wheel::next_of(const Level& level) const {
  const Tick words = level.slots / 64;
  const Tick current = (now_ >> level.shift) & (level.slots - 1);
  const Tick first_word = level.first / 64;
  // From the slot after the current one, once around: the first word is looked at twice, for its
  // bits after the current slot and, at the end, for those up to it.
  for (Tick step = 0; step <= words; ++step) {
    const Tick word = (current / 64 + step) % words;
    std::uint64_t bits = used_[first_word + word];
    const std::uint64_t after = ~std::uint64_t{0} << (current % 64) << 1;
    if (step == 0) bits &= after;
    if (step == words) bits &= ~after;
    if (bits == 0) continue;
    const Tick slot = word * 64 + static_cast<Tick>(std::countr_zero(bits));
    Tick distance = (slot - current) & (level.slots - 1);
    if (distance == 0) distance = level.slots;
    return ((now_ >> level.shift) + distance) << level.shift;
  }
  return std::nullopt;
}

void Wheel::find_next() {
  next_ = never;
  for (const Level& level : levels) next_ = std::min(next_, next_of(level).value_or(never));
  next_known_ = true;
}

void Wheel::collect(std::size_t slot) {
  const std::uint64_t bit = std::uint64_t{1} << (slot % 64);
  if ((used_[slot / 64] & bit) == 0) return;
  used_[slot / 64] &= ~bit;
  while (!slots_[slot].empty()) {
    Entry& entry = slots_[slot].front();
    entry.unlink();
    due_.push_back(entry);
  }
}

void Wheel::step_to(Tick tick) {
  assert(tick > now_);
  now_ = tick;
  next_known_ = false;
  for (const Level& level : levels) {
    if ((tick & ((Tick{1} << level.shift) - 1)) != 0) break;  // not at the start of a slot
    collect(level.first + ((tick >> level.shift) & (level.slots - 1)));
  }
}

}  // namespace weir
