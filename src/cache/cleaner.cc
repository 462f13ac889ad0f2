#include "cache/cleaner.h"

#include <algorithm>
#include <cstring>

#include "cache/objects.h"
#include "shm/points.h"

namespace weir::cache {
namespace {

constexpr std::uint32_t look_cost = 16;  // of a chunk that is dead, in units that could be copied

}  // namespace

bool Cleaner::is_behind() const {
  return memory_.derived().free_segments.load(std::memory_order_relaxed) <=
         memory_.geometry.reserve + 2;
}

Cleaner::Outcome Cleaner::keep_pace(std::uint32_t units) const {
  const std::uint32_t free = memory_.derived().free_segments.load(std::memory_order_relaxed);
  const std::uint32_t reserve = memory_.geometry.reserve;
  if (free > reserve + 2) return Outcome::worked;
  // To gain a segment of which nine tenths live ten must be read: more the closer the end is.
  const std::uint32_t pace = free > reserve + 1 ? 4 : free > reserve ? 8 : 16;
  return clean(std::min(units * pace, memory_.geometry.segment_units / 4));
}

Cleaner::Outcome Cleaner::clean(std::uint32_t budget_units) const {
  segments_.free_drained();
  for (std::uint32_t cost = 0; cost < budget_units && !memory_.has_damage();) {
    if (const Outcome outcome = step(cost); outcome != Outcome::worked) return outcome;
  }
  return Outcome::worked;
}

// The sealed one in which the least lives and into which nobody writes. One that would free less
// than an eighth is not worth it: what is left over at the end of a segment is no gain.
std::uint32_t Cleaner::choose() const {
  std::uint32_t best = nothing;
  std::uint32_t least = memory_.geometry.segment_units;
  for (std::uint32_t segment = 0; segment < memory_.geometry.segments; ++segment) {
    const Book& book = memory_.books[segment];
    if (book.live >= least || book.live > book.written / 8 * 7) continue;
    if (segments_.word(segment).state != SegmentState::sealed) continue;
    if (segments_.is_held(segment)) continue;
    best = segment;
    least = book.live;
    if (least == 0) break;
  }
  return best;
}

Cleaner::Outcome Cleaner::step(std::uint32_t& cost) const {
  Derived& it = memory_.derived();
  if (it.victim >= memory_.geometry.segments) {
    it.victim = choose();
    it.place = 0;
    cost += look_cost;
    if (it.victim == nothing) return Outcome::nothing_to_gain;
  }
  const std::uint32_t victim = it.victim;
  const Book& book = memory_.books[victim];
  if (book.live == 0) {
    finish(victim);
    return Outcome::worked;
  }
  const Ref from(segments_.word(victim).generation, victim, it.place);
  Chunk* const chunk = reinterpret_cast<Chunk*>(segments_.bytes(from));
  if (book.written > memory_.geometry.segment_units || it.place >= book.written ||
      chunk->units == 0 || chunk->units > book.written - it.place) {
    memory_.found_damage();  // what lives there could not be found
    return Outcome::nothing_to_gain;
  }
  const std::uint32_t units = chunk->units;
  if (!move_chunk(from, *chunk, cost)) return Outcome::no_room;
  cost += look_cost;
  it.place += units;
  return Outcome::worked;
}

void Cleaner::finish(std::uint32_t victim) const {
  memory_.derived().victim = nothing;
  segments_.drain(victim);
  segments_.free_drained();
}

bool Cleaner::move_chunk(Ref from, Chunk& chunk, std::uint32_t& cost) const {
  switch (chunk.magic) {
    case Magic::head: return move_head(from, cost);
    case Magic::piece: return move_piece(from, reinterpret_cast<const Part&>(chunk), cost);
    case Magic::table: return move_table(from, reinterpret_cast<const Part&>(chunk), cost);
    case Magic::raw: return true;
  }
  return true;  // damaged: if it lives the segment won't become empty, which is noticed
}

// A raw chunk that has all but the kind; its units may be fewer than there.
Ref Cleaner::copy(Ref from, std::uint32_t units, std::uint32_t& cost) const {
  const Ref to = segments_.allocate(units, Stream::moved);
  if (!to) return {};
  std::byte* const target = segments_.bytes(to);
  const std::byte* const source = segments_.bytes(from);
  const Magic magic = reinterpret_cast<const Chunk*>(source)->magic;
  std::size_t begin = sizeof(Chunk);
  if (magic == Magic::head) {  // of which one word may change meanwhile
    begin = offsetof(Head, hash);
    const auto& old = *reinterpret_cast<const Head*>(source);
    auto& fresh = *reinterpret_cast<Head*>(target);
    fresh.head_sum = old.head_sum;
    fresh.body_sum.store(old.body_sum.load(std::memory_order_relaxed), std::memory_order_relaxed);
    fresh.body.store(old.body.load(std::memory_order_relaxed), std::memory_order_relaxed);
  }
  std::memcpy(target + begin, source + begin, std::size_t{units} * unit_bytes - begin);
  reinterpret_cast<Chunk*>(target)->magic = magic;
  SHM_POINT(cache_copied);
  segments_.add_live(to.segment(), units);
  segments_.remove_live(from.segment(), units);
  count(memory_.control->moved, std::uint64_t{units} * unit_bytes);
  cost += units;
  return to;
}

bool Cleaner::move_head(Ref from, std::uint32_t& cost) const {
  const Head* const head = segments_.head(from);
  if (head == nullptr) return true;
  const std::uint32_t number = index_.find(head->hash);
  if (number == nothing || index_.ref(number) != from) return true;
  const Ref to = copy(from, head->units, cost);
  if (!to) return false;
  index_.move(number, to);
  // Who hides an answer without the lock looks whether it was moved, after that.
  reinterpret_cast<Head*>(segments_.bytes(to))
      ->body.store(head->body.load(std::memory_order_seq_cst), std::memory_order_seq_cst);
  SHM_POINT(cache_moved_head);
  return true;
}

Head* Cleaner::owner_of(const Part& part) const {
  const std::uint32_t number = index_.find(part.hash);
  Head* const head = number == nothing ? nullptr : segments_.head(index_.ref(number));
  return head != nullptr && head->in_pieces != 0 && list_of(*head).body_seq == part.body_seq
             ? head
             : nullptr;
}

bool Cleaner::move_piece(Ref from, const Part& part, std::uint32_t& cost) const {
  Head* const head = owner_of(part);
  if (head == nullptr) return true;
  const auto pieces = Objects(memory_).pieces_of(*head);
  if (!pieces || part.number >= pieces->size()) return true;
  Piece& piece = (*pieces)[part.number];
  if (Ref(piece.ref.load()) != from) return true;
  const std::uint32_t units = piece_units(piece.bytes.load());
  if (units > part.units) {
    memory_.found_damage();
    return true;
  }
  const Ref to = copy(from, units, cost);
  if (!to) return false;
  piece.ref.store(to.word(), std::memory_order_release);
  SHM_POINT(cache_moved_piece);
  return true;
}

bool Cleaner::move_table(Ref from, const Part& part, std::uint32_t& cost) const {
  Head* const head = owner_of(part);
  if (head == nullptr || Objects::table_of(*head) != from) return true;
  const std::uint32_t units = table_units(part.number);
  if (units > part.units) {
    memory_.found_damage();
    return true;
  }
  const Ref to = copy(from, units, cost);
  if (!to) return false;
  list_of(*head).table.store(to.word(), std::memory_order_release);
  SHM_POINT(cache_moved_table);
  return true;
}

}  // namespace weir::cache
