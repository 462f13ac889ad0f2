#include "cache/segments.h"

#include <cassert>

#include "shm/points.h"

namespace weir::cache {
namespace {

constexpr std::uint32_t reader_bits = 18;
constexpr std::uint32_t one_reader = 1, one_fill = 1U << reader_bits;
constexpr std::uint32_t readers_most = one_fill - 1;
constexpr std::uint32_t fills_most = ~std::uint32_t{0} >> reader_bits;

}  // namespace

bool Segments::pin(Ref ref) const {
  if (ref.segment() >= memory_.geometry.segments) return false;
  std::atomic<std::uint32_t>& mine = memory_.pin_row(memory_.self)[ref.segment()];
  const std::uint32_t pins = mine.load(std::memory_order_relaxed);
  if ((pins & readers_most) == readers_most) return false;
  mine.store(pins + one_reader, std::memory_order_seq_cst);
  SHM_POINT(cache_pinned);
  if (is_current(ref)) return true;
  mine.store(pins, std::memory_order_relaxed);
  return false;
}

void Segments::unpin(std::uint32_t segment) const {
  std::atomic<std::uint32_t>& mine = memory_.pin_row(memory_.self)[segment];
  mine.store(mine.load(std::memory_order_relaxed) - one_reader, std::memory_order_release);
}

bool Segments::hold(std::uint32_t segment) const {
  std::atomic<std::uint32_t>& mine = memory_.pin_row(memory_.self)[segment];
  const std::uint32_t pins = mine.load(std::memory_order_relaxed);
  if (pins >> reader_bits == fills_most) return false;
  mine.store(pins + one_fill, std::memory_order_release);
  return true;
}

void Segments::unhold(std::uint32_t segment) const {
  std::atomic<std::uint32_t>& mine = memory_.pin_row(memory_.self)[segment];
  mine.store(mine.load(std::memory_order_relaxed) - one_fill, std::memory_order_release);
}

bool Segments::is_pinned(std::uint32_t segment) const {
  const std::uint32_t slots = memory_.control->slots_high.load(std::memory_order_acquire);
  for (std::uint32_t slot = 0; slot < slots && slot < shm::slot_count; ++slot) {
    if (memory_.pin_row(slot)[segment].load(std::memory_order_seq_cst) != 0) return true;
  }
  return false;
}

bool Segments::is_held(std::uint32_t segment) const {
  const std::uint32_t slots = memory_.control->slots_high.load(std::memory_order_acquire);
  for (std::uint32_t slot = 0; slot < slots && slot < shm::slot_count; ++slot) {
    const std::uint32_t pins = memory_.pin_row(slot)[segment].load(std::memory_order_acquire);
    if (pins >> reader_bits != 0) return true;
  }
  return false;
}

void* Segments::chunk_at(Ref ref, std::size_t size) const {
  const Geometry& it = memory_.geometry;
  if (ref.segment() >= it.segments || ref.place() >= it.segment_units) return nullptr;
  if (std::size_t{it.segment_units - ref.place()} * unit_bytes < size) return nullptr;
  return at(ref.segment(), ref.place());
}

Ref Segments::allocate(std::uint32_t units, Stream stream) const {
  assert(units > 0 && units <= memory_.geometry.segment_units);
  Derived& it = memory_.derived();
  std::uint32_t segment = it.open[static_cast<int>(stream)];
  const auto has_room = [&] {
    return segment < memory_.geometry.segments &&
           memory_.books[segment].written <= memory_.geometry.segment_units - units;
  };
  if (!has_room()) {
    if (!open(stream)) return {};
    segment = it.open[static_cast<int>(stream)];
  }
  Book& book = memory_.books[segment];
  const Ref ref(word(segment).generation, segment, book.written);
  Chunk* const chunk = reinterpret_cast<Chunk*>(at(segment, book.written));
  chunk->magic = Magic::raw;
  chunk->units = units;
  SHM_POINT(cache_chunk_begun);
  std::atomic_ref(book.written).store(book.written + units, std::memory_order_release);
  SHM_POINT(cache_chunk_made);
  return ref;
}

// Seals what is open and opens a free segment.
bool Segments::open(Stream stream) const {
  Derived& it = memory_.derived();
  const std::uint32_t free = it.free_segments.load(std::memory_order_relaxed);
  const std::uint32_t least = stream == Stream::fresh ? memory_.geometry.reserve : 0;
  if (free <= least) return false;
  const std::uint32_t segments = memory_.geometry.segments;
  for (std::uint32_t i = 0; i < segments; ++i) {
    const std::uint32_t segment = (it.free_hint % segments + i) % segments;
    const SegmentWord was = word(segment);
    if (was.state != SegmentState::free || is_pinned(segment)) continue;
    std::uint32_t& mine = it.open[static_cast<int>(stream)];
    if (mine < segments) set(mine, {word(mine).generation, SegmentState::sealed});
    SHM_POINT(cache_segment_sealed);
    memory_.books[segment] = {0, 0};
    // 0 would make a reference that says nowhere.
    const std::uint32_t next = (was.generation + 1) & ((1U << Ref::generation_bits) - 1);
    set(segment, {next == 0 ? 1 : next, SegmentState::open});
    SHM_POINT(cache_segment_opened);
    mine = segment;
    it.free_hint = segment + 1;
    it.free_segments.store(free - 1, std::memory_order_relaxed);
    return true;
  }
  memory_.found_damage();  // the count of free ones is wrong
  return false;
}

void Segments::add_live(std::uint32_t segment, std::uint32_t units) const {
  if (segment >= memory_.geometry.segments) return memory_.found_damage();
  memory_.books[segment].live += units;
}

void Segments::remove_live(std::uint32_t segment, std::uint32_t units) const {
  if (segment >= memory_.geometry.segments || memory_.books[segment].live < units) {
    return memory_.found_damage();
  }
  memory_.books[segment].live -= units;
}

void Segments::drain(std::uint32_t segment) const {
  set(segment, {word(segment).generation, SegmentState::drain});
  ++memory_.derived().draining;
  SHM_POINT(cache_segment_drained);
}

void Segments::free_drained() const {
  Derived& it = memory_.derived();
  if (it.draining == 0) return;
  std::uint32_t still = 0;
  for (std::uint32_t segment = 0; segment < memory_.geometry.segments; ++segment) {
    const SegmentWord was = word(segment);
    if (was.state != SegmentState::drain) continue;
    if (is_pinned(segment)) {
      ++still;
      continue;
    }
    set(segment, {was.generation, SegmentState::free});
    SHM_POINT(cache_segment_freed);
    it.free_segments.store(it.free_segments.load(std::memory_order_relaxed) + 1,
                           std::memory_order_relaxed);
  }
  it.draining = still;
}

}  // namespace weir::cache
