#include "cache/layout.h"

#include <algorithm>

namespace weir::cache {
namespace {

constexpr std::uint64_t segment_least = 64U << 10, segment_most = 4U << 20;
constexpr std::uint32_t segments_least = 16;
constexpr std::uint64_t bytes_per_entry = 1024;  // where the configuration does not say how many
// Of the disk tier: 32 bytes of shared memory and more for each 16 KiB on disk.
constexpr std::uint64_t bytes_per_disk_entry = 16384;

std::uint32_t segment_bytes_for(std::uint64_t bytes) {
  const std::uint64_t about = std::bit_floor(std::max<std::uint64_t>(bytes / 128, 1));
  return static_cast<std::uint32_t>(std::clamp(about, segment_least, segment_most));
}

}  // namespace

Geometry Geometry::of(const StoreSizes& sizes) {
  Geometry it;
  it.sizes = sizes;
  const std::uint32_t segment_bytes = segment_bytes_for(sizes.bytes);
  it.segment_units = segment_bytes / unit_bytes;
  it.segments = static_cast<std::uint32_t>(std::clamp<std::uint64_t>(
      sizes.bytes / segment_bytes, segments_least, Ref::segments_most - 1));
  it.reserve = std::max<std::uint32_t>(2, it.segments * 6 / 100);
  it.chunk_bytes_most = std::min<std::uint32_t>(segment_bytes / 4, 64U << 10);
  it.piece_bytes_most = std::min<std::uint32_t>(segment_bytes / 4, 256U << 10) - 64;
  // Besides the reserve one segment is open for new chunks and one for moved ones; and the fuller
  // the rest is the more must be moved for each segment that is freed.
  it.live_most = std::uint64_t{it.segments - it.reserve - 2} * it.segment_units / 16 * 15;
  const std::uint64_t half = it.live_most * unit_bytes / 2;
  it.object_bytes_most =
      sizes.object_bytes_max == 0 ? half : std::min(sizes.object_bytes_max, half);
  const std::uint64_t entries = sizes.entries_max != 0
                                    ? sizes.entries_max
                                    : std::max<std::uint64_t>(sizes.bytes / bytes_per_entry, 1024);
  it.entries_most = static_cast<std::uint32_t>(std::min<std::uint64_t>(entries, 1U << 30));
  it.buckets = std::max(4U, it.entries_most / 6 + 1);  // three quarters of the places are taken
  it.ghost_sets = sizes.eviction == Eviction::s3fifo ? it.entries_most / 6 + 1 : 1;

  std::size_t at = 0;
  const auto place = [&at](std::size_t& where, std::size_t bytes) {
    where = at;
    at = (at + bytes + 63) & ~std::size_t{63};
  };
  place(it.control_at, sizeof(Control));
  place(it.states_at, it.segments * sizeof(std::uint64_t));
  place(it.books_at, it.segments * sizeof(Book));
  place(it.rows_at, shm::slot_count * sizeof(Row));
  it.pin_stride = (it.segments * sizeof(std::uint32_t) + 63) & ~std::size_t{63};
  place(it.pins_at, shm::slot_count * it.pin_stride);
  place(it.buckets_at, std::size_t{it.buckets} * sizeof(Bucket));
  place(it.ghosts_at, std::size_t{it.ghost_sets} * sizeof(Ghosts));
  place(it.cells_at, fill_cells * sizeof(Cell));
  place(it.passes_at, pass_cells * sizeof(Pass));
  place(it.uses_at, use_cells * sizeof(std::atomic<std::uint64_t>));
  place(it.wishes_at, wish_places * sizeof(std::atomic<std::uint64_t>));
  place(it.tags_at, tag_cells * sizeof(TagCell));
  if (sizes.disk_bytes != 0) {
    it.disk_entries_most = static_cast<std::uint32_t>(
        std::clamp<std::uint64_t>(sizes.disk_bytes / bytes_per_disk_entry, 1024, 1U << 28));
    it.disk_buckets = it.disk_entries_most / 7 + 4;
    place(it.disk_at, sizeof(DiskControl));
    place(it.disk_buckets_at, std::size_t{it.disk_buckets} * sizeof(DiskBucket));
  }
  at = (at + shm::page_bytes - 1) & ~(shm::page_bytes - 1);
  place(it.data_at, std::size_t{it.segments} * segment_bytes);
  it.body_bytes = at;
  return it;
}

shm::Kind Geometry::kind(std::string_view name) const {
  return {name, 1,
          shm::layout_hash({sizeof(Control), sizeof(Bucket), sizeof(Cell), sizeof(Head),
                            sizeof(PieceList), sizeof(Part), segment_units, segments, buckets,
                            ghost_sets, sizeof(DiskControl), disk_buckets, data_at})};
}

Memory::Memory(const Geometry& its_geometry, const shm::Zone& zone) : geometry(its_geometry) {
  const Geometry& it = geometry;
  control = zone.get<Control>(it.control_at);
  states = zone.get<std::atomic<std::uint64_t>>(it.states_at);
  books = zone.get<Book>(it.books_at);
  rows = zone.get<Row>(it.rows_at);
  pins = zone.body().data() + it.pins_at;
  buckets = zone.get<Bucket>(it.buckets_at);
  ghosts = zone.get<Ghosts>(it.ghosts_at);
  cells = zone.get<Cell>(it.cells_at);
  passes = zone.get<Pass>(it.passes_at);
  uses = zone.get<std::atomic<std::uint64_t>>(it.uses_at);
  wishes = zone.get<std::atomic<std::uint64_t>>(it.wishes_at);
  tags = zone.get<TagCell>(it.tags_at);
  if (it.disk_buckets != 0) {
    disk = zone.get<DiskControl>(it.disk_at);
    disk_buckets = zone.get<DiskBucket>(it.disk_buckets_at);
  }
  data = zone.body().data() + it.data_at;
}

}  // namespace weir::cache
