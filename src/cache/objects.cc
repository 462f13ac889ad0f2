#include "cache/objects.h"

#include <algorithm>

#include "cache/cleaner.h"
#include "shm/points.h"

namespace weir::cache {
namespace {

constexpr int evictions_most = 1024;  // for one chunk: a bound on time
// What is moved at most for one chunk where no segment is free; a request waits for it.
constexpr std::uint32_t emergency_bytes = 2U << 20, steps_least = 32;

}  // namespace

std::optional<std::span<Piece>> Objects::pieces_of(Head& head) const {
  if (head.in_pieces == 0) return std::span<Piece>();
  PieceList& list = list_of(head);
  const std::uint32_t count = list.pieces.load(std::memory_order_acquire);
  const Ref table = table_of(head);
  if (!table) {
    if (count > list.capacity) return std::nullopt;
    return std::span(own_pieces(list), count);
  }
  Part* const part = segments_.chunk<Part>(table, Magic::table);
  if (part == nullptr || part->hash != head.hash || part->body_seq != list.body_seq ||
      part->number > part->units || table_units(part->number) > part->units ||
      count > part->number) {
    return std::nullopt;
  }
  return std::span(table_pieces(*part), count);
}

std::uint32_t Objects::units_of(Head& head) const {
  std::uint32_t units = head.units;
  const auto pieces = pieces_of(head);
  if (!pieces) return 0;
  for (const Piece& piece : *pieces) units += piece_units(piece.bytes.load());
  if (const Ref table = table_of(head)) {
    units += table_units(segments_.chunk<Part>(table, Magic::table)->number);
  }
  return units;
}

// What lives in each segment, with or without this one.
bool Objects::account(Head& head, bool add) const {
  const auto change = [&](Ref ref, std::uint32_t units) {
    add ? segments_.add_live(ref.segment(), units) : segments_.remove_live(ref.segment(), units);
  };
  const auto pieces = pieces_of(head);
  if (!pieces) return false;
  for (const Piece& piece : *pieces) {
    change(Ref(piece.ref.load()), piece_units(piece.bytes.load()));
  }
  if (const Ref table = table_of(head)) {
    change(table, table_units(segments_.chunk<Part>(table, Magic::table)->number));
  }
  const auto offset =
      static_cast<std::uint64_t>(reinterpret_cast<std::byte*>(&head) - memory_.data);
  const auto segment = static_cast<std::uint32_t>(offset / memory_.geometry.segment_bytes());
  change(Ref(1, segment, 0), head.units);
  return true;
}

void Objects::add_totals(std::int64_t units, int entries) const {
  Derived& it = memory_.derived();
  it.live.store(it.live.load(std::memory_order_relaxed) + static_cast<std::uint64_t>(units),
                std::memory_order_relaxed);
  it.entries.store(it.entries.load(std::memory_order_relaxed) + static_cast<std::uint32_t>(entries),
                   std::memory_order_relaxed);
}

bool Objects::insert(Ref ref, Head& head) const {
  const std::uint32_t units = units_of(head);
  std::uint32_t number = index_.find(head.hash);
  if (number != nothing) {
    Head* const old = head_of(number);
    const std::uint32_t old_units = index_.entry(number).units;
    if (old == nullptr || old->hash != head.hash || units_of(*old) != old_units ||
        !account(*old, false)) {
      memory_.found_damage();
      return false;
    }
    SHM_POINT(cache_replacing);
    index_.move(number, ref);
    queues_.replace(number, units);
    add_totals(std::int64_t{units} - old_units, 0);
  } else {
    number = make_place(head.hash);
    if (number == nothing) return false;
    index_.put(number, head.hash, ref);
    queues_.insert(number, head.hash, units);
    add_totals(units, 1);
  }
  SHM_POINT(cache_inserted);
  account(head, true);
  return !memory_.has_damage();
}

void Objects::remove(std::uint32_t number, std::atomic<std::uint64_t>& counter) const {
  Head* const head = head_of(number);
  const std::uint64_t tag = index_.tag(number).load(std::memory_order_relaxed);
  const std::uint32_t units = index_.entry(number).units;
  index_.clear(number);
  SHM_POINT(cache_removing);
  queues_.erase(number);
  if (head == nullptr || head->hash != tag || units_of(*head) != units || !account(*head, false)) {
    memory_.found_damage();
  }
  add_totals(-std::int64_t{units}, -1);
  count(counter);
}

bool Objects::evict(Queues::Limit limit) const {
  const std::uint32_t number = queues_.choose(limit);
  const Derived& it = memory_.derived();
  if (number == nothing &&
      it.entries.load(std::memory_order_relaxed) + it.live.load(std::memory_order_relaxed) != 0) {
    memory_.found_damage();
  }
  if (number == nothing || memory_.has_damage()) return false;
  remove(number, memory_.control->evicted);
  return true;
}

// An empty place in the index, where the limits allow one more entry.
std::uint32_t Objects::make_place(std::uint64_t hash) const {
  const auto& entries = memory_.derived().entries;
  while (entries.load(std::memory_order_relaxed) >= memory_.geometry.entries_most) {
    if (!evict(Queues::Limit::entries)) return nothing;
  }
  if (const std::uint32_t place = index_.empty_place(hash); place != nothing) return place;
  const std::uint32_t first = index_.first_place(hash);
  for (std::uint32_t number = first; number < first + bucket_ways; ++number) {
    const std::uint32_t other = index_.other_place(number);
    if (other == nothing) continue;
    index_.put(other, index_.tag(number).load(std::memory_order_relaxed), index_.ref(number));
    queues_.relocate(number, other);
    index_.clear(number);
    return number;
  }
  std::uint32_t coldest = first;
  for (std::uint32_t number = first + 1; number < first + bucket_ways; ++number) {
    if (queues_.is_colder(index_.entry(number), index_.entry(coldest))) coldest = number;
  }
  remove(coldest, memory_.control->evicted);
  return coldest;
}

std::uint64_t Objects::growing() const {
  std::uint64_t units = 0;
  const std::uint32_t slots = memory_.control->slots_high.load(std::memory_order_acquire);
  for (std::uint32_t slot = 0; slot < slots && slot < shm::slot_count; ++slot) {
    units += memory_.rows[slot].growing.load(std::memory_order_relaxed);
  }
  return units;
}

bool Objects::make_room(std::uint32_t units) const {
  const std::uint64_t needed = growing() + units;
  for (int evictions = 0; evictions < evictions_most; ++evictions) {
    if (memory_.derived().live.load(std::memory_order_relaxed) + needed <=
        memory_.geometry.live_most) {
      return true;
    }
    if (!evict(Queues::Limit::memory)) return false;
  }
  return false;
}

// Lets so many units die.
bool Objects::evict_units(std::uint64_t units) const {
  const auto& live = memory_.derived().live;
  const std::uint64_t before = live.load(std::memory_order_relaxed);
  for (int evictions = 0; evictions < evictions_most; ++evictions) {
    if (before - live.load(std::memory_order_relaxed) >= units) return true;
    if (!evict(Queues::Limit::memory)) return false;
  }
  return true;
}

Ref Objects::allocate(std::uint32_t units) const {
  if (units > memory_.geometry.segment_units || memory_.has_damage() || !make_room(units)) {
    return {};
  }
  const Cleaner cleaner(memory_);
  // All that can be emptied may be full of what lives: then less must live.
  if (cleaner.keep_pace(units) == Cleaner::Outcome::nothing_to_gain) {
    evict_units(2 * std::uint64_t{units});
  }
  const std::uint32_t step = memory_.geometry.segment_units / 4;
  const std::uint32_t most =
      std::max(steps_least, static_cast<std::uint32_t>(emergency_bytes / unit_bytes / step));
  for (std::uint32_t i = 0; i < most && !memory_.has_damage(); ++i) {
    if (const Ref ref = segments_.allocate(units, Stream::fresh)) return ref;
    const Cleaner::Outcome outcome = cleaner.clean(step);
    if (outcome == Cleaner::Outcome::nothing_to_gain && !evict_units(step)) break;
  }
  return {};
}

}  // namespace weir::cache
